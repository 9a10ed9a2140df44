"""What can be wired to a virtual board, one device a file.

A device knows the world, not the board; `reset()` is its power-on. On an I2C bus it has `address`,
`write(data)` for one write transaction after its address was acknowledged, and `read(count)` for
one read transaction; both raise `wire.nack()` for what the chip doesn't acknowledge. One that
stretches the clock has `stretch_s`, how long it would hold SCL if it were read now. On a 1-Wire
bus it has `restart()` for a reset pulse, `output` (what it does to the wire in the next time slot:
0 or 1) and `slot(level)`. Alone on a pin, a DHT has `answer(low_ms)`, and a contact
`level_at(now)` and `edges(before, after)`. An ultrasonic sensor on two pins has `echo_us()`.
"""
