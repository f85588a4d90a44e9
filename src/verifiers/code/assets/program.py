# Runs the completion in `main.py` and answers the tests' questions about its names. Follows codec.py.
import builtins, io, itertools

line = Line()
objects, numbers = {}, {}  # What the tests have a reference to, by number; and the number by identity.
described = set()


def number(v):
    if id(v) not in numbers:
        numbers[id(v)] = len(objects)
        objects[len(objects)] = v
    return numbers[id(v)]


def class_of(t):
    """A class by its number, described the first time."""
    n = number(t)
    if n in described:
        return {'k': [n]}
    described.add(n)
    names = [c.__name__ for c in t.__mro__]
    about = {
        'name': t.__name__,
        'library': stdlib(t),
        'names': names,
        'specials': specials(t),
        'bases': [class_of(b) for b in t.__bases__ if b is not object],
    }
    own = {k: v for c in t.__mro__ if stdlib(c) is None for k, v in vars(c).items()}
    about['asked'] = [k for k, v in own.items() if not k.startswith('_') and (callable(v) or isinstance(v, property))]
    if issubclass(t, enum.Enum):
        about['members'] = [[k, encode(m._value_, keep)] for k, m in t.__members__.items()]
        about['asked'] = [k for k in about['asked'] if k not in t.__members__]
    elif issubclass(t, tuple) and hasattr(t, '_fields'):
        about['fields'] = list(t._fields)
        about['defaults'] = encode(list(getattr(t, '_field_defaults', {}).values()), keep)
    elif hasattr(t, '__dataclass_fields__'):
        about['data'] = list(t.__dataclass_fields__)
    return {'k': [n, about]}


def kind_of(v):
    if isinstance(v, (types.CoroutineType,)):
        return 'coroutine'
    if isinstance(v, types.AsyncGeneratorType):
        return 'async generator'
    if isinstance(v, types.GeneratorType):
        return 'generator'
    code = getattr(getattr(v, '__func__', v), '__code__', None)
    if isinstance(code, types.CodeType) and isinstance(v, (types.FunctionType, types.MethodType)):
        return 'async function' if code.co_flags & 0x80 else 'function'
    if hasattr(type(v), '__next__') and type(v).__module__ in ('builtins', 'itertools'):
        return 'generator'
    return 'object'


def reference(v):
    return {'r': [number(v), kind_of(v), class_of(type(v))]}


def keep(v):
    t = type(v)
    if isinstance(v, Guest):
        return {'t': object.__getattribute__(v, '_number')}
    if isinstance(v, enum.Enum):
        return (
            {'M': [class_of(t), v._name_]}
            if v._name_ in t.__members__
            else {'W': [class_of(t), encode(v._value_, keep)]}
        )
    if isinstance(v, tuple):
        return {'U': [class_of(t), [encode(x, keep) for x in tuple.__iter__(v)]]}
    if isinstance(v, BaseException):
        return {'x': failure(v)}
    if isinstance(v, type):
        return class_of(v)
    return reference(v)


def plain(v, otherwise=None):
    """A value without references, or `otherwise`."""

    def refuse(x):
        raise ValueError('a reference')

    try:
        return encode(v, refuse)
    except Exception:
        return otherwise


def failure(e, depth=3):
    try:
        text = str(e)[:2000]
    except BaseException:
        text = ''
    try:
        its = {k: encode(v, keep) for k, v in vars(e).items() if k != '_of_tests'}
        args = encode(list(e.args), keep)
    except BaseException:
        its, args = {}, None
    cause = e.__cause__ if depth and isinstance(e.__cause__, BaseException) else None
    return {
        'names': [c.__name__ for c in type(e).__mro__],
        'text': text,
        'kind': class_of(type(e)),
        'args': args,
        'its': its,
        'cause': cause and failure(cause, depth - 1),
        'tests': getattr(e, '_of_tests', None),
    }


def raised(about):
    """An exception of the tests. One of a class that only the tests have becomes one of its first base that is known."""
    known = [decode({'k': about['kind']}, ref)] if about['kind'] is not None else []
    known += [getattr(builtins, n, None) for n in about['names']]
    kind = next((k for k in known if isinstance(k, type) and issubclass(k, BaseException)), Exception)
    if kind.__name__ != about['names'][0]:
        kind = type(about['names'][0], (kind,), {})
    try:
        e = kind(*decode(about['args'], ref))
    except Exception:
        e = kind.__new__(kind)
        e.args = (about['text'],)
    e._of_tests = about['tests']
    return e


def ask(message):
    line.send(message)
    return converse()


class Guest:
    """Stands for an object of the tests."""

    def __init__(self, number):
        object.__setattr__(self, '_number', number)

    def __getattr__(self, name):
        return ask({'op': 'get', 'n': self._number, 'name': name})

    def __setattr__(self, name, to):
        ask({'op': 'set', 'n': self._number, 'name': name, 'to': encode(to, keep)})


class Callback(Guest):
    """Stands for a function of the tests."""

    def __call__(self, *args, **named):
        return special(self, '__call__', args, named)


def special(guest, name, args, named={}):
    return ask(
        {
            'op': 'special',
            'n': object.__getattribute__(guest, '_number'),
            'name': name,
            'args': [encode(a, keep) for a in args],
            'named': {k: encode(a, keep) for k, a in named.items()},
        }
    )


def guest(n, name, has):
    def forward(special_name):
        return lambda self, *args, **named: special(self, special_name, args, named)

    return type(name, (Guest,), {s: forward(s) for s in has if s in SPECIAL})(n)


def async_callback(n):
    async def callback(*args, **named):
        return special(Guest(n), '__call__', args, named)

    return callback


guests = {}


def ref(kind, x):
    if kind == 'o':
        return objects[x]
    if kind == 'k':
        return objects[x[0]]
    if kind == 'M':
        return objects[x[0][0]][x[1]]
    if kind == 'W':
        return objects[x[0][0]](decode(x[1], ref))
    if kind == 'U':
        return tuple.__new__(objects[x[0][0]], [decode(y, ref) for y in x[1]])
    if kind == 'n':
        return named(*x.split(':'))
    if kind == 'x':
        return raised(x)
    if kind == 'r':
        n, form, name, has = x
        if n not in guests:
            guests[n] = (
                async_callback(n) if form == 'async' else Callback(n) if form == 'function' else guest(n, name, has)
            )
        return guests[n]
    raise ValueError('unknown value')


# Changes that a call returning None made to its list, dict and set arguments, by position.
changes = {}
MUTABLE = (
    list,
    dict,
    set,
    bytearray,
    collections.deque,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
)


def call(of, args, named, given):
    result = of(*args, **named)
    if result is None:
        for i, v in enumerate(args):
            now = plain(v) if type(v) in MUTABLE else None
            if now is not None and now != given[i]:
                changes[i] = now
    return result


def state(v):
    slots = [
        s
        for c in type(v).__mro__
        for s in ([c.__slots__] if isinstance(getattr(c, '__slots__', ()), str) else getattr(c, '__slots__', ()))
    ]
    return {
        **getattr(v, '__dict__', {}),
        **{s: getattr(v, s) for s in slots if hasattr(v, s) and s not in ('__dict__', '__weakref__')},
    }


tasks = {}


def start(v):
    import asyncio

    global loop
    if loop is None or loop.is_running():
        loop = asyncio.new_event_loop()

    async def whole():
        return await v

    task = loop.create_task(whole())
    tasks[len(tasks)] = task, loop
    return len(tasks) - 1


def wait(n):
    import asyncio

    task, its = tasks[n]
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return its.run_until_complete(task)
    finally:
        asyncio._set_running_loop(outer)


loop = None


def serve(q):
    """Answers one question: the answer as JSON."""
    op = q['op']

    def value(name):
        return decode(q[name], ref)

    def args():
        return [decode(a, ref) for a in q['args']]

    if op == 'names':
        return [
            [n, encode(v, keep)]
            for n, v in vars(module).items()
            if not n.startswith('__') and not isinstance(v, types.ModuleType)
        ]
    if op == 'call':
        of, named = value('of'), {k: decode(a, ref) for k, a in q['named'].items()}
        result = call(of, args(), named, q['args'])
        made = (
            isinstance(of, type)
            and not isinstance(result, (enum.Enum, type, BaseException))
            and not hasattr(type(result), '_fields')
        )
        return reference(result) if made and stdlib(type(result)) is None else encode(result, keep)
    if op == 'get':
        result = getattr(value('of'), q['name'])
    elif op == 'set':
        result = setattr(value('of'), q['name'], value('to'))
    elif op == 'delete':
        result = delattr(value('of'), q['name'])
    elif op == 'setname':
        result = setattr(module, q['name'], value('to'))
    elif op == 'special':
        of = value('of')
        result = getattr(type(of), q['name'])(of, *args())
    elif op == 'step':
        of, sent = value('of'), value('sent')
        try:
            result = (False, of.send(sent) if sent is not None else next(of))
        except StopIteration as e:
            result = (True, e.value)
    elif op == 'throw':
        try:
            result = (False, value('of').throw(value('error')))
        except StopIteration as e:
            result = (True, e.value)
    elif op == 'close':
        result = value('of').close()
    elif op == 'start':
        result = start(value('of'))
    elif op == 'wait':
        result = wait(q['task'])
    elif op == 'anext':

        async def step(it=value('of')):
            try:
                return (False, await it.__anext__())
            except StopAsyncIteration:
                return (True, None)

        result = wait(start(step()))
    elif op == 'state':
        result = list(state(value('of')).items())
    elif op == 'copy':
        import copy

        return reference(copy.copy(value('of')))
    else:
        raise ValueError('unknown question')
    return encode(result, keep)


def converse():
    while True:
        q = line.receive()
        if 'v' in q:
            return decode(q['v'], ref)
        if 'e' in q:
            raise raised(q['e'])
        changes.clear()
        try:
            answer = {'v': serve(q)}
            if changes:
                answer['a'] = list(changes.items())
        except BaseException as e:
            answer = {'e': failure(e)}
        if printed.tell():
            answer['p'] = printed.getvalue()
            printed.seek(0)
            printed.truncate()
        line.send(answer)


class Input(io.TextIOBase):
    """Standard input: that of the tests, which may have replaced it, and empty while the program loads."""

    def readable(self):
        return True

    def readline(self, size=-1):
        return ask({'op': 'input', 'how': 'readline'}) if loaded else ''

    def read(self, size=-1):
        return ask({'op': 'input', 'how': 'read'}) if loaded else ''


def read_input(prompt=''):
    if not loaded:
        raise EOFError('EOF when reading a line')
    return ask({'op': 'input', 'how': 'input', 'prompt': str(prompt)})


printed = io.StringIO()
loaded = False
sys.stdout, sys.stdin, builtins.input = printed, Input(), read_input
module = types.ModuleType('solution')
sys.modules['solution'] = module
try:
    with open('main.py', encoding='utf8') as f:
        source = f.read()
    exec(compile(source, 'main.py', 'exec'), module.__dict__)
    loaded = True
    line.send({'v': True})
except BaseException as e:
    line.send({'e': failure(e)})
while True:
    converse()
