"""What an example does to its pin. Change: the data sheet that says so."""

from vboard.devices.contact import Contact
from vboard.devices.emulation import Attached, Emulation, Shown, place_of


def attach(board, world, sensor):
    """Connects one to a board: the world's door of its name is open where it is dry."""
    place, pin = place_of(world, sensor), sensor["pin"]
    name = sensor["name"] or f"example at pin {pin}"
    contact = Contact(place, name, normally_closed=sensor["options"]["invert"])
    # The wire while it is connected.
    wires = []
    state = Shown(
        *(False, True, 0), lambda at: place.door(name, at), lambda value: place.set(name, value)
    )
    return Attached(
        f"an example at pin {pin}",
        *(contact, place, board.hardware.pins[pin]),
        lambda: wires.append(board.wire_contact(pin, contact)),
        lambda: board.unwire(wires.pop()),
        {"leak": state},
    )


# Faults that no reading shows: nobody can tell whose levels they are.
BLIND = ("chatter", "shorted", "unplugged")
EMULATIONS = {"example": Emulation("pin", attach, blind=BLIND)}
