# Values as JSON and back. Comes before program.py, and before border.py and tests.py.
import collections, enum, json, os, pathlib, re, sys, types

sys.set_int_max_str_digits(0) if hasattr(sys, 'set_int_max_str_digits') else None

SINGLE = {'Ellipsis': Ellipsis, 'NotImplemented': NotImplemented}
PATHS = {
    'PurePosixPath': pathlib.PurePosixPath,
    'PosixPath': pathlib.PurePosixPath,
    'PureWindowsPath': pathlib.PureWindowsPath,
}
FACTORIES = {
    t.__name__: t for t in (int, float, str, bool, list, dict, set, tuple, collections.Counter, collections.deque)
}
VIEWS = {type({}.keys()): 'keys', type({}.values()): 'values', type({}.items()): 'items'}
DAY, TIME = ('year', 'month', 'day'), ('hour', 'minute', 'second', 'microsecond')


def library(v, keep):
    """A value of a class of the standard library that is loaded only where it is used."""
    t, name = type(v), type(v).__name__
    if t is not getattr(sys.modules.get(t.__module__), name, None):
        return keep(v)
    full = t.__module__ + '.' + name
    if full == 'decimal.Decimal':
        return {'m': str(v)}
    if full == 'fractions.Fraction':
        return {'F': [hex(v.numerator), hex(v.denominator)]}
    if full == 'datetime.timedelta':
        return {'e': [v.days, v.seconds, v.microseconds]}
    if full == 'datetime.timezone':
        return {'Z': [encode(v.utcoffset(None), keep), v.tzname(None)]}
    if full == 'datetime.date':
        return {'y': [getattr(v, n) for n in DAY]}
    if full == 'datetime.time':
        return {'T': [[getattr(v, n) for n in TIME], zone(v, keep), v.fold]}
    if full == 'datetime.datetime':
        return {'Y': [[getattr(v, n) for n in DAY + TIME], zone(v, keep), v.fold]}
    if full == 'uuid.UUID':
        return {'u': v.hex}
    if full == 'array.array':
        return {'A': [v.typecode, v.tobytes().hex()]}
    if t.__module__ == 'numpy':
        return numpy_value(v, keep)
    return keep(v)


def encode(v, keep):
    """
    A value as JSON. A subclass of a built-in type is encoded as that type, and what is no value by `keep`, which returns
    a reference or raises an exception.
    """
    t = type(v)
    if v is None or t is bool or t is str:
        return v
    if t is int:
        return {'i': hex(v)}
    if t is float:
        return {'f': v.hex()}

    def each(all):
        return [encode(x, keep) for x in all]

    if t is list:
        return each(v)
    if t is tuple:
        return {'t': each(v)}

    def pairs(all):
        return [[encode(k, keep), encode(x, keep)] for k, x in all]

    if t is dict:
        return {'d': pairs(dict.items(v))}
    if isinstance(v, (enum.Enum, type, BaseException)) or (isinstance(v, tuple) and hasattr(t, '_fields')):
        return keep(v)
    if isinstance(v, int):
        return {'i': hex(int.__int__(v))}
    if isinstance(v, float):
        return {'f': float.hex(v)}
    if isinstance(v, str):
        return str.__str__(v)
    if isinstance(v, complex):
        return {'c': [complex.__getattribute__(v, n).hex() for n in ('real', 'imag')]}
    if isinstance(v, bytes):
        return {'b': bytes.hex(v)}
    if isinstance(v, bytearray):
        return {'B': bytearray.hex(v)}
    if isinstance(v, list):
        return each(list.__iter__(v))
    if isinstance(v, tuple):
        return {'t': each(tuple.__iter__(v))}
    if isinstance(v, set):
        return {'s': each(set.__iter__(v))}
    if isinstance(v, frozenset):
        return {'z': each(frozenset.__iter__(v))}
    if isinstance(v, collections.deque):
        return {'q': [each(collections.deque.__iter__(v)), collections.deque.maxlen.__get__(v)]}
    if isinstance(v, collections.Counter):
        return {'C': pairs(dict.items(v))}
    if isinstance(v, collections.defaultdict):
        name = getattr(collections.defaultdict.default_factory.__get__(v), '__name__', None)
        return {'D': [name if name in FACTORIES else None, pairs(dict.items(v))]}
    if isinstance(v, collections.OrderedDict):
        return {'O': pairs(collections.OrderedDict.items(v))}
    if isinstance(v, dict):
        return {'d': pairs(dict.items(v))}
    if t is types.MappingProxyType:
        return {'d': pairs(v.items())}
    if t in VIEWS:
        return {'v': [VIEWS[t], each(v)]}
    if t is range:
        return {'g': each([v.start, v.stop, v.step])}
    if t is slice:
        return {'S': each([v.start, v.stop, v.step])}
    if v is Ellipsis or v is NotImplemented:
        return {'E': repr(v)}
    if t.__name__ in PATHS and isinstance(v, pathlib.PurePath):
        return {'p': [t.__name__, str(v)]}
    if t is memoryview:
        return {'b': v.tobytes().hex()}
    if t is re.Pattern:
        return {'P': [encode(v.pattern, keep), v.flags]}
    if t is types.SimpleNamespace:
        return {'N': pairs(vars(v).items())}
    return library(v, keep)


def zone(v, keep):
    if v.tzinfo is None:
        return None
    key = getattr(v.tzinfo, 'key', None)
    if type(v.tzinfo).__module__ == 'zoneinfo' and type(key) is str:
        return {'K': key}
    offset = v.utcoffset()
    return keep(v.tzinfo) if offset is None else {'Z': [encode(offset, keep), v.tzname()]}


def numpy_value(v, keep):
    import numpy

    if isinstance(v, numpy.ndarray) and v.dtype.kind in 'biufcSUmM':
        return {'a': [v.dtype.str, list(v.shape), numpy.ascontiguousarray(v).tobytes().hex()]}
    if isinstance(v, numpy.generic):
        return {'a': [v.dtype.str, None, v.tobytes().hex()]} if v.dtype.kind in 'biufc' else encode(v.item(), keep)
    return keep(v)


def numpy_decode(kind, shape, data):
    import numpy

    flat = numpy.frombuffer(bytes.fromhex(data), dtype=numpy.dtype(kind))
    return flat[0] if shape is None else flat.reshape(shape).copy()


def named(module, name):
    return getattr(__import__(module, fromlist=[name]), name)


LAZY = {
    'm': lambda x, ref: named('decimal', 'Decimal')(x),
    'F': lambda x, ref: named('fractions', 'Fraction')(int(x[0], 16), int(x[1], 16)),
    'e': lambda x, ref: named('datetime', 'timedelta')(*x),
    'Z': lambda x, ref: named('datetime', 'timezone')(decode(x[0], ref), x[1]),
    'K': lambda x, ref: named('zoneinfo', 'ZoneInfo')(x),
    'y': lambda x, ref: named('datetime', 'date')(*x),
    'T': lambda x, ref: named('datetime', 'time')(*x[0], tzinfo=decode(x[1], ref), fold=x[2]),
    'Y': lambda x, ref: named('datetime', 'datetime')(*x[0], tzinfo=decode(x[1], ref), fold=x[2]),
    'u': lambda x, ref: named('uuid', 'UUID')(x),
    'A': lambda x, ref: named('array', 'array')(x[0], bytes.fromhex(x[1])),
    'a': lambda x, ref: numpy_decode(*x),
}


def decode(v, ref):
    """The value of `encode`; `ref(kind, content)` makes that of a reference. Raises an exception for anything else."""
    if v is None or isinstance(v, (bool, str)):
        return v
    if isinstance(v, list):
        return [decode(x, ref) for x in v]
    ((k, x),) = v.items()

    def each(all):
        return [decode(y, ref) for y in all]

    def pairs(all):
        return [(decode(a, ref), decode(b, ref)) for a, b in all]

    if k == 'i':
        return int(x, 16)
    if k == 'f':
        return float.fromhex(x)
    if k == 't':
        return tuple(each(x))
    if k == 'd':
        return dict(pairs(x))
    if k == 'c':
        return complex(float.fromhex(x[0]), float.fromhex(x[1]))
    if k == 'b':
        return bytes.fromhex(x)
    if k == 'B':
        return bytearray.fromhex(x)
    if k == 's':
        return set(each(x))
    if k == 'z':
        return frozenset(each(x))
    if k == 'q':
        return collections.deque(each(x[0]), x[1])
    if k == 'C':
        return collections.Counter(dict(pairs(x)))
    if k == 'D':
        return collections.defaultdict(None if x[0] is None else FACTORIES[x[0]], pairs(x[1]))
    if k == 'O':
        return collections.OrderedDict(pairs(x))
    if k == 'v':
        if x[0] == 'keys':
            return dict.fromkeys(each(x[1])).keys()
        return dict(each(x[1])).items() if x[0] == 'items' else dict(enumerate(each(x[1]))).values()
    if k == 'g':
        return range(*each(x))
    if k == 'S':
        return slice(*each(x))
    if k == 'E':
        return SINGLE[x]
    if k in LAZY:
        return LAZY[k](x, ref)
    if k == 'p':
        return PATHS[x[0]](x[1])
    if k == 'P':
        return re.compile(decode(x[0], ref), x[1])
    if k == 'N':
        return types.SimpleNamespace(**dict(pairs(x)))
    return ref(k, x)


# Special methods that a stand-in forwards to its object in the other process, where the object's class has them.
BINARY = [
    p + n
    for n in (
        'add',
        'sub',
        'mul',
        'matmul',
        'truediv',
        'floordiv',
        'mod',
        'divmod',
        'pow',
        'lshift',
        'rshift',
        'and',
        'xor',
        'or',
    )
    for p in ('', 'r', 'i')
    if p + n != 'idivmod'
]
ORDER = ['lt', 'le', 'gt', 'ge']
SPECIAL = frozenset(
    '__%s__' % n
    for n in [
        *BINARY,
        *ORDER,
        'eq',
        'hash',
        'len',
        'iter',
        'next',
        'reversed',
        'contains',
        'getitem',
        'setitem',
        'delitem',
        'call',
        'repr',
        'str',
        'format',
        'bytes',
        'int',
        'float',
        'complex',
        'index',
        'bool',
        'abs',
        'neg',
        'pos',
        'invert',
        'round',
        'trunc',
        'floor',
        'ceil',
        'enter',
        'exit',
        'aenter',
        'aexit',
        'aiter',
        'anext',
        'await',
        'fspath',
        'length_hint',
    ]
)


def specials(t):
    """The special methods of a class, apart from those that every object has."""
    return [
        n for n in sorted(SPECIAL) if getattr(t, n, None) is not None and getattr(t, n) is not getattr(object, n, None)
    ]


def stdlib(t):
    """The name that a class of Python or its library can be found by, as `module:name`. None for any other class."""
    module, name = t.__module__, t.__qualname__
    if type(module) is not str or module.split('.')[0] not in sys.stdlib_module_names:
        return None
    return module + ':' + name if getattr(sys.modules.get(module), name, None) is t else None


class Line:
    """Opens the JSON lines protocol on its own descriptors and disconnects standard input and output."""

    def __init__(self):
        self.source = os.fdopen(os.dup(0), 'rb')
        self.target = os.fdopen(os.dup(1), 'wb')
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)

    def send(self, message):
        self.target.write(json.dumps(message).encode() + b'\n')
        self.target.flush()

    def receive(self):
        line = self.source.readline()
        if not line:
            os._exit(3)
        return json.loads(line)
