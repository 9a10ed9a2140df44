"""The chip's peripherals and the wires at its pins, one role a file; `Hardware` joins them."""
