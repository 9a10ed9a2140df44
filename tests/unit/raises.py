"""The one helper of the unit tests, for they run without pytest on MicroPython too."""


def raises(kind, function, *args, **options):
    """Calls function and returns the exception of that kind it raises."""
    try:
        function(*args, **options)
    except kind as error:
        return error
    raise AssertionError("no %s was raised" % kind.__name__)
