# Runs the tests of `tests.json` against stand-ins for the completion's names: assertions and check(candidate) directly,
# everything else by pytest or unittest. Follows codec.py and border.py.
import ast, importlib, inspect, unittest, warnings


class Asserted:
    count = 0  # Assertions that were evaluated, held or not.


def asserted():
    Asserted.count += 1


class Counting(ast.NodeTransformer):
    """Counts the assertions of the tests as they are evaluated."""

    def visit_Assert(self, node):
        if isinstance(node.test, ast.Tuple) and node.test.elts:
            broken('an assertion is a tuple, which always holds')
        call = ast.Expr(ast.Call(ast.Name('__asserted__', ast.Load()), [], []))
        return [ast.copy_location(call, node), node]


# A warning that means that something was not run.
unawaited = []


def note(message, category, *rest):
    text = str(message)
    if 'was never awaited' in text:
        unawaited.append(text)
    elif category.__name__ == 'PytestCollectionWarning':
        broken('pytest does not collect a class of tests that has a constructor')


warnings.simplefilter('ignore')
warnings.filterwarnings('always', message='coroutine .* was never awaited')
warnings.showwarning = note


def compiled(text):
    """Code of a statement or of an expression that must be true. Only expressions may await."""
    try:
        tree = compile('assert (' + text + '\n)', TESTS, 'exec', flags=ast.PyCF_ONLY_AST)
    except SyntaxError:
        tree = ast.parse(text)
    else:
        claim = tree.body[0]
        if isinstance(claim.test, ast.Tuple) and len(claim.test.elts) == 2:
            claim.test, claim.msg = claim.test.elts
    tree = ast.fix_missing_locations(Counting().visit(tree))
    return tree, compile(tree, TESTS, 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def run_code(code, scope):
    made = types.FunctionType(code, scope)()
    if inspect.iscoroutine(made):
        awaited(made)


def awaited(coroutine):
    import asyncio

    return asyncio.run(coroutine)


# One test after the other


def begin():
    """Waits until a test may begin: its number."""
    index = line.receive()['run']
    Contact.questions, Contact.last, Contact.refused, Asserted.count = 0, None, False, 0
    unawaited.clear()
    return index


def end(error, skipped=False):
    """Reports the outcome of a test."""
    theirs = [text for text in unawaited if PROGRAM not in text]
    if theirs:
        broken('a coroutine of the tests is never awaited')
    if error is None and (Contact.refused or unawaited):
        error = AssertionError()
    # The program must not choose to skip a test.
    if skipped and Contact.questions:
        error = AssertionError()
    if error is not None:
        said = type(error).__name__ if Contact.last is None else 'the program ' + Contact.last
        line.send({'outcome': 'fail', 'detail': said})
    else:
        line.send({'outcome': 'skip' if skipped else 'pass', 'detail': ''})


class Runner:
    """Runs tests in order from the one that is asked for: `total` of them, of which `plain` ones come last."""

    def __init__(self, plain):
        self.plain, self.first = plain, None

    def start(self, count):
        self.total = count + len(self.plain)
        if self.total == 0:
            broken('nothing is collected: no test, no check(candidate) with an entryPoint, and no assertion')
        line.send({'tests': self.total})
        self.first = begin()

    def turn(self, index):
        """Whether this test is to be run. Waits until it may begin."""
        if index < self.first:
            return False
        if index > self.first:
            begin()
        return True

    def finish(self, count):
        for index, test in enumerate(self.plain, count):
            if not self.turn(index):
                continue
            error = None
            try:
                test()
            except BaseException as e:
                error = e
            end(error)


def run_unittest(module, runner):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)

    def flat(tests):
        return [one for t in tests for one in (flat(t) if isinstance(t, unittest.TestSuite) else [t])]

    tests = flat(suite)

    class Result(unittest.TestResult):
        at, error, skipped, around, around_skipped = 0, None, False, None, False

        def startTest(self, test):
            while tests[self.at] is not test:
                self.missing()
            super().startTest(test)
            self.error, self.skipped = None, False
            runner.turn(self.at)

        def stopTest(self, test):
            super().stopTest(test)
            if self.at >= runner.first:
                end(self.error, self.skipped)
            self.at += 1

        def missing(self):
            if runner.turn(self.at):
                end(self.around or AssertionError(), self.around_skipped)
            self.at += 1

        def addError(self, test, err):
            if hasattr(test, '_testMethodName'):
                self.error = err[1]
            else:
                self.around = err[1]

        def addFailure(self, test, err):
            self.addError(test, err)

        def addSubTest(self, test, part, err):
            if err is not None:
                self.error = err[1]

        def addSkip(self, test, reason):
            if hasattr(test, '_testMethodName'):
                self.skipped = True
            else:
                self.around_skipped = True

        def addExpectedFailure(self, test, err):
            self.skipped = True

        def addUnexpectedSuccess(self, test):
            self.error = AssertionError()

    if any(type(t).__name__ == '_FailedTest' for t in tests):
        broken('unittest cannot load the tests')
    runner.start(len(tests))
    result = Result()
    tests_from(suite, runner.first)
    result.at = runner.first
    suite.run(result)
    while result.at < len(tests):
        result.missing()
    return len(tests)


def tests_from(suite, first):
    """Removes the first tests from a suite."""

    def remove(part, left):
        for i, one in enumerate(list(part)):
            if isinstance(one, unittest.TestSuite):
                left = remove(one, left)
            elif left > 0:
                part._tests[i] = None
                left -= 1
        part._tests = [t for t in part._tests if t is not None]
        return left

    remove(suite, first)


OFF = [
    'cacheprovider',
    'terminal',
    'junitxml',
    'doctest',
    'pastebin',
    'nose',
    'faulthandler',
    'stepwise',
    'warnings',
    'unraisableexception',
    'threadexception',
    'legacypath',
    'setuponly',
    'setupplan',
]


def run_pytest(module, runner):
    os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'
    import asyncio

    pytest = importlib.import_module('pytest')
    warnings.filterwarnings('always', category=pytest.PytestCollectionWarning)
    loops = []

    def run_async(coroutine):
        if not loops:
            loops.append(asyncio.new_event_loop())
        return loops[0].run_until_complete(coroutine)

    class Module(pytest.Module):
        def _getobj(self):
            return module

    class Plugin:
        count = 0

        def pytest_pycollect_makemodule(self, module_path, parent):
            return Module.from_parent(parent, path=module_path)

        def pytest_pycollect_makeitem(self, collector, name, obj):
            # What the program defines is no test.
            return [] if id(obj) in numbers else None

        def pytest_collectreport(self, report):
            if report.failed:
                broken('pytest cannot collect the tests')

        def pytest_runtestloop(self, session):
            for item in session.items:
                if inspect.isgeneratorfunction(getattr(item, 'obj', None)):
                    broken('a test is a generator, which pytest does not run')
            self.count = len(session.items)
            runner.start(self.count)
            for i, item in enumerate(session.items):
                if not runner.turn(i):
                    continue
                self.error, self.skipped = None, False
                following = session.items[i + 1] if i + 1 < self.count else None
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                end(self.error, self.skipped)
            return True

        def pytest_runtest_makereport(self, item, call):
            if call.excinfo is not None and type(call.excinfo.value).__name__ == 'FixtureLookupError':
                broken('a test uses a fixture that does not exist')
            if call.excinfo is not None:
                self.cause = call.excinfo.value

        def pytest_runtest_logreport(self, report):
            if report.failed:
                self.error = getattr(self, 'cause', None) or AssertionError()
            elif report.skipped:
                self.skipped = True

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(self, pyfuncitem):
            result = pyfuncitem.obj(**{n: pyfuncitem.funcargs[n] for n in pyfuncitem._fixtureinfo.argnames})
            if inspect.iscoroutine(result):
                result = run_async(result)
            if result is not None:
                broken('a test returns a value, which nobody checks')
            return True

        @pytest.hookimpl(tryfirst=True)
        def pytest_fixture_setup(self, fixturedef, request):
            made = fixturedef.func
            if inspect.iscoroutinefunction(made):
                fixturedef.func = lambda **named: run_async(made(**named))
            elif inspect.isasyncgenfunction(made):

                def both(**named):
                    steps = made(**named)
                    yield run_async(steps.__anext__())
                    try:
                        run_async(steps.__anext__())
                    except StopAsyncIteration:
                        pass

                fixturedef.func = both

    open('test_items.py', 'w').close()
    plugin = Plugin()
    args = [word for name in OFF for word in ('-p', 'no:' + name)]
    pytest.main(
        [*args, '-c', os.devnull, '--rootdir', os.getcwd(), '--noconftest', '--assert', 'plain', 'test_items.py'],
        plugins=[plugin],
    )
    if runner.first is None:
        broken('pytest does not start')
    return plugin.count


# The program's names

with open('tests.json', encoding='utf8') as f:
    given = json.load(f)
solution = Solution('solution')
try:
    for name, value in ask({'op': 'names'})[0]:
        setattr(solution, name, value)
except Exception:
    line.send({'nonsense': True})
    os._exit(0)
type.__setattr__(Solution, 'ready', True)
sys.modules['solution'] = sys.modules['main'] = solution
Contact.last = None

try:
    assertions = [compiled(text.strip()) for text in given.get('assertions', [])]
    tree = Counting().visit(ast.parse(given.get('file', '')))
    code = compile(ast.fix_missing_locations(tree), TESTS, 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
except (SyntaxError, ValueError):
    broken('the tests are not valid Python')

# Built-in names stay Python's own: a program must not replace the tests' abs() or math.isclose().
nodes = [n for part in [*(t for t, _ in assertions), tree] for n in ast.walk(part)]
modules = {n.value.id for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
modules &= sys.stdlib_module_names | {'pytest'}
entry = given.get('entryPoint')
reserved = (set(dir(builtins)) | modules) - {entry}
names = {k: v for k, v in vars(solution).items() if not k.startswith('__') and k not in reserved}
solution.__dict__['__all__'] = [k for k in names if not k.startswith('_')]


def scope():
    """Variables of the tests. What they do not define themselves is the program's, a library's or built in."""
    libraries = {name: importlib.import_module(name) for name in modules}
    return {
        '__name__': TESTS,
        '__file__': TESTS,
        '__builtins__': {**vars(builtins), **names, **libraries, '__asserted__': asserted},
    }


def claim(tree, code):
    checks = any(isinstance(n, (ast.Assert, ast.Raise)) for n in ast.walk(tree))

    def test():
        run_code(code, scope())
        if not Asserted.count and not (checks and Contact.questions):
            broken('an assertion asserts nothing')

    return test


def candidate(check):
    def test():
        if entry not in names:
            raise NameError(entry)
        said = check(names[entry])
        if inspect.iscoroutine(said):
            said = awaited(said)
        if said is False:
            raise AssertionError()
        if not Asserted.count and not Contact.questions:
            broken('check(candidate) asserts nothing')

    return test


def guard(body, variables):
    """The part of a script that runs only as the main program."""
    part = compile(ast.Module(body, []), TESTS, 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    def test():
        try:
            run_code(part, {**variables, '__name__': '__main__'})
        except SystemExit as e:
            if e.code or hasattr(e, '_text'):
                raise
        if not Asserted.count:
            broken('the main part of the tests asserts nothing')

    return test


def is_guard(node):
    return isinstance(node, ast.If) and '__name__' in {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}


def its_fault(e):
    """Whether a file of tests fails to load because of the program."""
    missing = isinstance(e, ModuleNotFoundError) and not hasattr(e, '_text')
    if missing:
        broken('the tests import a module that is not installed', missing=str(e.name).split('.')[0])
    return Contact.questions > 0 or isinstance(e, (AssertionError, NameError, ImportError, AttributeError, TypeError))


def failing(e):
    def test():
        raise e

    return test


if 'file' not in given:
    try:
        scope()
    except ModuleNotFoundError as e:
        its_fault(e)
    runner = Runner([claim(*one) for one in assertions])
    runner.start(0)
    runner.finish(0)
else:
    module = types.ModuleType(TESTS)
    Contact.questions = 0
    runner = None
    try:
        module.__dict__.update(scope())
        sys.modules[TESTS] = module
        run_code(code, module.__dict__)
    except BaseException as e:
        if not its_fault(e):
            broken('the tests fail before they use the program')
        runner = Runner([failing(e)])
    if runner is not None:
        runner.start(0)
        runner.finish(0)
    else:
        defined = {
            k: v for k, v in vars(module).items() if id(v) not in numbers and getattr(v, '__module__', TESTS) == TESTS
        }
        kinds = [v for v in defined.values() if isinstance(v, type)]
        cases = [k for k in kinds if issubclass(k, unittest.TestCase)]
        classes_of_tests = [
            k
            for n, k in defined.items()
            if k in kinds and k not in cases and any(m.startswith('test') for m in vars(k))
        ]
        functions = [v for n, v in defined.items() if n.startswith('test') and callable(v) and not isinstance(v, type)]
        for case in cases:
            for name in unittest.defaultTestLoader.getTestCaseNames(case):
                method = getattr(case, name)
                if inspect.isgeneratorfunction(method):
                    broken('a test is a generator, which unittest does not run')
                if inspect.iscoroutinefunction(method) and not issubclass(case, unittest.IsolatedAsyncioTestCase):
                    broken(
                        'a test of unittest.TestCase is a coroutine, which nobody awaits; '
                        'expected IsolatedAsyncioTestCase'
                    )
        used = [b for k in [*kinds] for b in k.__mro__[1:]]
        for kind in classes_of_tests:
            if kind not in used and not kind.__name__.startswith('Test'):
                broken('a class has tests that pytest does not collect, since its name does not start with "Test"')
        plain = []
        if entry is not None:
            if callable(defined.get('check')):
                plain.append(candidate(defined['check']))
            elif not (cases or classes_of_tests or functions):
                broken('check(candidate) is not defined, but the item has an entryPoint')
        collected = bool(cases or classes_of_tests or functions or plain)
        for node in tree.body:
            if not is_guard(node):
                continue
            called = {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
            own_calls = [n for n in called if inspect.isroutine(defined.get(n)) and not n.startswith('test')]
            asserts = any(isinstance(n, ast.Assert) for n in ast.walk(node))
            if not collected or asserts or own_calls:
                plain.append(guard(node.body, module.__dict__))
        raising = Contact.questions and any(isinstance(n, ast.Raise) for n in nodes)
        if not collected and not plain and (Asserted.count or raising):
            plain.append(lambda: None)
        runner = Runner(plain)
        if functions or classes_of_tests:
            count = run_pytest(module, runner)
        elif cases:
            count = run_unittest(module, runner)
        else:
            runner.start(0)
            count = 0
        runner.finish(count)
while True:
    line.receive()
