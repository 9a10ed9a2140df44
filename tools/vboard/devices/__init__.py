"""What can be wired to a virtual board, one device a file.

A device knows the world, not the board. On an I2C bus it has `address`, `reset()` (power-on),
`write(data)` for one write transaction after its address was acknowledged, and `read(count)` for
one read transaction. On a pin it has `level_at(now)` and `edges(before, after)`.
"""
