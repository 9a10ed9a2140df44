"""Home Assistant's device classes of a sensor, and the units it takes for each.

As its components sensor and number have them (const.py, 2025). The sign for micro is U+00B5 or
U+03BC: it has had both.
"""

_LENGTH = "mm cm m km in ft yd mi nmi"
_SPEED = "m/s km/h mm/s in/s ft/s mph kn Beaufort"
_RAIN = "mm/d mm/h in/d in/h"
_PRESSURE = "Pa hPa kPa MPa mPa mbar cbar bar mmHg inHg inH₂O psi"
_ENERGY = "J kJ MJ GJ mWh Wh kWh MWh GWh TWh cal kcal Mcal Gcal"
_VOLUME = "mL L m³ ft³ CCF MCF gal"
_MASS = "µg mg g kg oz lb st"
_DUST = "µg/m³"
_DATA = "bit kbit Mbit Gbit B kB MB GB TB PB EB ZB YB KiB MiB GiB TiB PiB EiB ZiB YiB"
_RATE = "bit/s kbit/s Mbit/s Gbit/s B/s kB/s MB/s GB/s KiB/s MiB/s GiB/s"
_FLOW = "m³/h m³/min m³/s L/h L/min L/s mL/s ft³/min gal/min gal/h gal/d"
# What has no unit.
_NONE = (None,)

# Device class -> units in one text, a space between two; a tuple for those that may have none.
CLASSES = {
    "absolute_humidity": "g/m³ mg/m³",
    "apparent_power": "mVA VA kVA",
    "aqi": _NONE,
    "area": "mm² cm² m² km² in² ft² yd² mi² ac ha",
    "atmospheric_pressure": _PRESSURE,
    "battery": "%",
    "blood_glucose_concentration": "mg/dL mmol/L",
    "carbon_dioxide": "ppm",
    "carbon_monoxide": "ppm ppb mg/m³ µg/m³",
    "conductivity": "S/cm mS/cm µS/cm",
    "current": "A mA",
    "data_rate": _RATE,
    "data_size": _DATA,
    "distance": _LENGTH,
    "duration": "d h min s ms µs",
    "energy": _ENERGY,
    "energy_distance": "kWh/100km Wh/km mi/kWh km/kWh",
    "energy_storage": _ENERGY,
    "frequency": "Hz kHz MHz GHz",
    "gas": "L m³ ft³ CCF MCF",
    "humidity": "%",
    "illuminance": "lx",
    "irradiance": "W/m² BTU/(h⋅ft²)",
    "moisture": "%",
    "nitrogen_dioxide": "µg/m³ ppb ppm",
    "nitrogen_monoxide": "µg/m³ ppb",
    "nitrous_oxide": _DUST,
    "ozone": "µg/m³ ppb ppm",
    "ph": _NONE,
    "pm1": _DUST,
    "pm10": _DUST,
    "pm25": _DUST,
    "pm4": _DUST,
    "power": "mW W kW MW GW TW BTU/h",
    "power_factor": ("%", None),
    "precipitation": "cm mm in",
    "precipitation_intensity": _RAIN,
    "pressure": _PRESSURE,
    "reactive_energy": "varh kvarh",
    "reactive_power": "mvar var kvar",
    "signal_strength": "dB dBm",
    "sound_pressure": "dB dBA",
    "speed": f"{_SPEED} {_RAIN}",
    "sulphur_dioxide": "µg/m³ ppb",
    "temperature": "°C °F K",
    "volatile_organic_compounds": "µg/m³ mg/m³",
    "volatile_organic_compounds_parts": "ppm ppb",
    "voltage": "V mV µV kV MV",
    "volume": _VOLUME,
    "volume_flow_rate": _FLOW,
    "volume_storage": _VOLUME,
    "water": "L m³ ft³ CCF MCF gal",
    "weight": _MASS,
    "wind_direction": "°",
    "wind_speed": _SPEED,
}


def units(device_class):
    """Returns the tuple of units of a class; None is one of them where it may have none."""
    found = CLASSES[device_class]
    return found if isinstance(found, tuple) else tuple(found.split())


def fault(device_class, unit):
    """Returns what is wrong with a device class and its unit, '' if Home Assistant takes them."""
    if device_class not in CLASSES:
        near = [name for name in CLASSES if str(device_class)[:4] in name]
        known = ", ".join(near or CLASSES)
        return f"device class {device_class!r}: Home Assistant has {known}, or None for none"
    allowed = units(device_class)
    if _plain(unit) in [_plain(one) for one in allowed]:
        return ""
    told = ", ".join("None" if one is None else one for one in allowed)
    return f"unit {unit!r}: for {device_class} Home Assistant takes {told}"


def _plain(unit):
    return unit.replace("μ", "µ") if isinstance(unit, str) else unit
