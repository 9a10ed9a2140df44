"""The import system of one board on CPython: its own modules, from its own files.

Search order as on the chip, by the board's sys.path: its root, what the firmware image has frozen
into it, /lib; and behind them what is built into MicroPython, but for some modules that come first
of all. A module that MicroPython on an ESP32 doesn't have can't be imported.
"""

import ast
import builtins
import errno
import importlib
import inspect
import threading
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What MicroPython adds to CPython or does otherwise, and the ESP32's modules.
BUILT_IN = (HERE / "language", HERE / "chip")
# What its image has frozen into it, beside a module of `language`.
FROZEN = HERE / "frozen"
FROZEN_LANGUAGE = "asyncio"
# Built-in modules that no file can stand in for (py/objmodule.c).
FIRST = ("cmath", "gc", "math", "micropython")

# Modules of CPython that do what MicroPython's do on ESP32, and the names it has of them.
SAME = {
    "array": "array",
    "binascii": "a2b_base64 b2a_base64 crc32 hexlify unhexlify",
    "cmath": "cos e exp log phase pi polar rect sin sqrt",
    "collections": "OrderedDict deque namedtuple",
    "errno": "EACCES EADDRINUSE EAGAIN EALREADY EBADF ECONNABORTED ECONNREFUSED ECONNRESET EEXIST"
    " EHOSTUNREACH EINPROGRESS EINVAL EIO EISDIR ENOBUFS ENODEV ENOENT ENOMEM ENOTCONN EOPNOTSUPP"
    " EPERM ETIMEDOUT errorcode",
    "hashlib": "md5 sha1 sha256",
    "heapq": "heapify heappop heappush",
    "io": "BytesIO IOBase StringIO",
    "math": "acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh degrees e erf erfc exp"
    " expm1 fabs factorial floor fmod frexp gamma inf isclose isfinite isinf isnan ldexp lgamma"
    " log log10 log2 modf nan pi pow radians sin sinh sqrt tan tanh tau trunc",
    "re": "compile match search sub",
    "struct": "calcsize pack pack_into unpack unpack_from",
}

# Built-in names of MicroPython on ESP32.
BUILTINS = (
    "ArithmeticError AssertionError AttributeError BaseException EOFError Ellipsis Exception"
    " GeneratorExit ImportError IndentationError IndexError KeyError KeyboardInterrupt"
    " LookupError MemoryError NameError NotImplemented NotImplementedError OSError OverflowError"
    " RuntimeError StopAsyncIteration StopIteration SyntaxError SystemExit TypeError UnicodeError"
    " ValueError ZeroDivisionError __build_class__ __debug__ abs all any bin bool bytearray"
    " bytes callable chr classmethod compile complex delattr dict dir divmod enumerate eval exec"
    " filter float frozenset getattr globals hasattr hash hex id int isinstance issubclass iter"
    " len list locals map max memoryview min next object oct ord pow property range repr"
    " reversed round set setattr slice sorted staticmethod str sum super tuple type zip"
).split()


class _Rewriting(ast.NodeTransformer):
    """What a board's source needs to behave on CPython as on the chip.

    A halted program must end for good: no handler of its own may hold the exception that ends it,
    no `finally` may go on after it. And an OSError made of a number alone has its errno.
    """

    def visit_Try(self, node):
        self.generic_visit(node)
        if node.handlers:
            name = ast.Name("__halted__", ast.Load())
            first = ast.ExceptHandler(name, None, [ast.Raise()])
            node.handlers.insert(0, _placed(first, node))
        if node.finalbody:
            check = ast.Expr(ast.Call(ast.Name("__check__", ast.Load()), [], []))
            node.finalbody.insert(0, _placed(check, node.finalbody[0]))
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Name) and function.id == "OSError" and len(node.args) == 1:
            function.id = "__oserror__"
        return node


def _placed(node, at):
    return ast.fix_missing_locations(ast.copy_location(node, at))


def _with_generators(code):
    # MicroPython's coroutines are generators, and nobody minds one that is never awaited: a power
    # cut leaves many.
    flags = code.co_flags
    if flags & inspect.CO_COROUTINE:
        flags ^= inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ITERABLE_COROUTINE
    inner = (_with_generators(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_flags=flags, co_consts=tuple(inner))


class _Code:
    """Compiled files, shared by all boards of the process: most run the same ones."""

    def __init__(self):
        # Name and source -> code object.
        self._known = {}
        self._lock = threading.Lock()

    def get(self, path, name):
        key = (name, path.read_bytes())
        # One at a time: CPython 3.11 counts the depth of all threads' syntax trees as one.
        with self._lock:
            return self._made(key)

    def _made(self, key):
        name = key[0]
        if key not in self._known:
            tree = _Rewriting().visit(ast.parse(key[1], name))
            made = compile(tree, name, "exec", dont_inherit=True)
            self._known[key] = _with_generators(made)
        return self._known[key]


code = _Code()


class Modules:
    """sys.modules and __import__ of one board."""

    def __init__(self, flash, loaded, made, halted, check, **changed_builtins):
        """`loaded` are modules that are there from the start, `made` some that are built in.

        `halted` is the exception that ends a program, check() raises it when it is time.
        """
        self._flash = flash
        self.loaded = dict(loaded)
        self._made = made
        # Package -> where its parts are: a folder, and how that is shown.
        self._folders = {}
        # Bytes of the board's own sources that were loaded, for the estimate of its memory.
        self.source_bytes = 0
        self._open = changed_builtins["open"]
        added = {
            "__import__": self._import,
            "__halted__": halted,
            "__check__": check,
            "__oserror__": _os_error,
            **changed_builtins,
        }
        # The stand-ins may use all of CPython, the board's own files what the chip has.
        self._all = {**vars(builtins), **added}
        self._builtins = {name: self._all[name] for name in BUILTINS}
        self._builtins.update(added)

    def runs(self, frame):
        """True for a frame of the board's program or of a stand-in."""
        return self.runs_own(frame) or frame.f_builtins is self._all

    def runs_own(self, frame):
        """True for a frame of the board's program."""
        return frame.f_builtins is self._builtins

    def execute(self, name):
        """Runs a file of the board's root as __main__."""
        # Kept: at the prompt all of it is still there.
        main = self.loaded.setdefault("__main__", self._new("__main__", ""))
        self._run(main, self._flash.folder / name, name)

    def _new(self, name, package):
        module = types.ModuleType(name)
        module.__package__ = package
        return module

    def _run(self, module, path, shown):
        module.__file__ = shown
        own = not shown.startswith("<")
        self.source_bytes += path.stat().st_size if own else 0
        module.__dict__["__builtins__"] = self._builtins if own else self._all
        exec(code.get(path, shown), module.__dict__)

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        if level:
            name = self._absolute(name, (globals or {}).get("__package__", ""), level)
        module = self._load(name)
        if not fromlist:
            return self.loaded[name.split(".")[0]]
        for item in fromlist:
            if item != "*" and not hasattr(module, item) and hasattr(module, "__path__"):
                self._load(f"{name}.{item}")
        return module

    def _absolute(self, name, package, level):
        parents = package.split(".")
        if not package or level > len(parents):
            raise ImportError("can't perform relative import")
        return ".".join(parents[: len(parents) - level + 1] + ([name] if name else []))

    def _load(self, name):
        if name in self.loaded:
            return self.loaded[name]
        parent, _, last = name.rpartition(".")
        if parent:
            self._load(parent)
        module = self._find(name)
        if parent:
            setattr(self.loaded[parent], last, module)
        return module

    def _find(self, name):
        parent, _, relative = name.rpartition(".")
        places = (self._built_in,) if name in FIRST else (self._from_places, self._built_in)
        for find in places:
            module = find(name, parent, relative)
            if module:
                return module
        raise ImportError(f"no module named '{name}'")

    def _from_places(self, name, parent, relative):
        for folder, shown in self._places(parent, relative):
            path = folder / relative
            # A folder comes before a file of its name, and needs no __init__.py.
            if path.is_dir():
                return self._package(name, path / "__init__.py", f"{shown}{relative}")
            if path.with_name(path.name + ".py").is_file():
                path = path.with_name(path.name + ".py")
                module = self._new(name, parent)
                return self._from_file(module, path, f"{shown}{relative}.py")
        return None

    def _built_in(self, name, parent, relative):
        for folder in () if parent else BUILT_IN:
            path = folder / f"{name}.py"
            if path.is_file():
                shown = f"<{folder.name}>/{name}.py"
                return self._from_file(self._new(name, ""), path, shown)
        if name in SAME or name in self._made:
            self.loaded[name] = self._made.get(name) or self._same(name)
            return self.loaded[name]
        return None

    def _same(self, name):
        # A module of its own for each board, which may change it.
        real, module = importlib.import_module(name), self._new(name, "")
        vars(module).update({item: getattr(real, item) for item in SAME[name].split()})
        if name == "io":
            vars(module)["open"] = self._open
        return module

    def _places(self, package, relative):
        if package:
            # A package's parts are in its folder and nowhere else.
            yield from self._folders.get(package, ())
            return
        for place in self.loaded["sys"].path:
            if place != ".frozen":
                yield self._flash.path(place), place.rstrip("/") + "/" if place else ""
            elif relative == FROZEN_LANGUAGE:
                yield HERE / "language", "<language>/"
            else:
                yield FROZEN, f"<{FROZEN.name}>/"

    def _package(self, name, init, shown):
        module = self._new(name, name)
        module.__path__ = shown
        self._folders[name] = [(init.parent, shown + "/")]
        if init.is_file():
            return self._from_file(module, init, shown + "/__init__.py")
        self.loaded[name] = module
        return module

    def _from_file(self, module, path, shown):
        name = module.__name__
        self.loaded[name] = module
        try:
            self._run(module, path, shown)
        except BaseException:
            # Half a module must not be found by the next import.
            del self.loaded[name]
            raise
        return module


def _os_error(*args):
    # With one argument only, CPython's OSError has no errno.
    if isinstance(args[0], int):
        return OSError(args[0], errno.errorcode.get(abs(args[0]), ""))
    return OSError(*args)
