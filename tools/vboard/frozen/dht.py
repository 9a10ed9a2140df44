# Thermometers and hygrometers DHT11 and DHT22.

import machine


class DHTBase:
    def __init__(self, pin):
        self.pin = pin
        self.buf = bytearray(5)

    def measure(self):
        machine.dht_readinto(self.pin, self.buf)
        if sum(self.buf[:4]) & 0xFF != self.buf[4]:
            raise Exception("checksum error")


class DHT11(DHTBase):
    def humidity(self):
        return self.buf[0]

    def temperature(self):
        return self.buf[2]


class DHT22(DHTBase):
    def humidity(self):
        return (self.buf[0] << 8 | self.buf[1]) * 0.1

    def temperature(self):
        # The highest bit is the sign, the others the amount.
        amount = ((self.buf[2] & 0x7F) << 8 | self.buf[3]) * 0.1
        return -amount if self.buf[2] & 0x80 else amount
