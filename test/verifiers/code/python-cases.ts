/** Items in Python with the verdict that is right, or `bad-tests` where the tests can judge no program. */
export type PythonCase = readonly [expected: string, program: string, tests: object];

const asserts = (...all: readonly string[]) => ({ tests: all.map((assert) => ({ assert })) });
const file = (testFile: string, entryPoint?: string) => ({
  testFile,
  ...(entryPoint === undefined ? {} : { entryPoint }),
});

export const pythonCases: readonly PythonCase[] = [
  [
    'correct',
    `from fractions import Fraction
from collections import *
import datetime, enum, dataclasses, uuid, pathlib, array, re
P = namedtuple("P", "x y")
class Color(enum.Enum):
  RED = 1
  GREEN = "g"
  def nice(self): return self.name.title()
@dataclasses.dataclass
class D:
  a: int
  b: list = dataclasses.field(default_factory=list)
  def total(self): return self.a + sum(self.b)
def fr(): return Fraction(1,3)
def p(): return P(1,2)
def d(): return D(1,[2])
def c(): return Color.RED
def dq(): return deque([1,2],maxlen=3)
def cnt(s): return Counter(s)
def dd():
  x = defaultdict(int); x["a"] += 1; return x
def dt(): return datetime.datetime(2020,1,2,3,4,5,tzinfo=datetime.timezone.utc)
def gen():
  x = yield 1
  yield x
  return 7
def keys(): return {"a":1}.keys()
def cx(): return 1+2j
def ba(): return bytearray(b"x")
def tp(): return int`,
    asserts(
      `from fractions import Fraction
assert fr() == Fraction(1,3)`,
      `p() == (1,2) and p().x == 1 and p() == P(1,2)`,
      `D(1,[2]) == d()`,
      `d() != D(1,[3])`,
      `D(1,[2]).total() == 3`,
      `c() is Color.RED and c() == Color.RED and c().value == 1`,
      `Color.GREEN.nice() == "Green"`,
      `from collections import *
assert dq() == deque([1,2]) and cnt("aab") == Counter("aab") and dd() == {"a":1}`,
      `import datetime as q
assert dt() == q.datetime(2020,1,2,3,4,5,tzinfo=q.timezone.utc)`,
      `g = gen()
assert next(g) == 1 and g.send(5) == 5`,
      `list(gen()) == [1, None]`,
      `keys() == {"a"} and set(keys()) == {"a"}`,
      `cx() == 1+2j and ba() == b"x" and tp() is int`,
      `import inspect
assert inspect.isgenerator(gen())`,
      `import dataclasses
assert dataclasses.asdict(d()) == {"a":1,"b":[2]}`,
      `isinstance(d(), D)`,
      `[x.name for x in Color] == ["RED","GREEN"]`,
      `repr(d()) == "D(a=1, b=[2])"`,
    ),
  ],
  [
    'correct',
    `class E(ValueError):
  def __init__(self, code): super().__init__("bad"); self.code = code
  def __str__(self): return f"code {self.code}"
class F(E): pass
def f(): raise F(7)
def g():
  try: f()
  except E as e: raise KeyError("k") from e
def j():
  import json; json.loads("{")
def apply(k): return k()
def retry(k, n):
  for _ in range(n):
    try: return k()
    except ValueError: pass
  raise RuntimeError("failed")`,
    file(`import pytest, json
from solution import *
def test_a():
  with pytest.raises(E) as e: f()
  assert e.value.code == 7 and str(e.value) == 'code 7' and isinstance(e.value, F) and type(e.value) is F
  assert e.value.args == ('bad',)
def test_b():
  with pytest.raises(KeyError, match='k') as e: g()
  assert isinstance(e.value.__cause__, F)
def test_c():
  with pytest.raises(json.JSONDecodeError): j()
class Own(Exception): pass
def test_d():
  def bad(): raise Own('x')
  with pytest.raises(Own): apply(bad)
def test_e():
  n = []
  def flaky():
    n.append(1)
    if len(n) < 3: raise ValueError()
    return 5
  assert retry(flaky, 5) == 5 and len(n) == 3
def test_f(capsys): pass
@pytest.mark.parametrize('x', [1,2])
class TestX:
  @pytest.fixture(autouse=True)
  def setup(self): self.v = 3
  def test_g(self, x): assert self.v == 3 and x in (1,2)
@pytest.mark.asyncio
async def test_h(): pass
@pytest.fixture
async def later(): return 4
async def test_i(later): assert later == 4
`),
  ],
  [
    'correct',
    `import asyncio
ready = []
async def f(x):
  ready.append(x)
  while len(ready) < 3: await asyncio.sleep(0)
  return x
async def agen(n):
  for i in range(n): yield i
class C:
  async def __aenter__(self): return 5
  async def __aexit__(self,*a): return None
  async def m(self): return 6
class It:
  def __init__(self): self.i = 0
  def __aiter__(self): return self
  async def __anext__(self):
    self.i += 1
    if self.i > 2: raise StopAsyncIteration
    return self.i
async def run(k): return await k(3)`,
    file(`import asyncio, inspect
async def test_a():
  assert await asyncio.gather(*[f(i) for i in range(3)]) == [0, 1, 2]
async def test_b():
  assert [x async for x in agen(3)] == [0,1,2]
  async with C() as c: assert c == 5
  assert await C().m() == 6
  assert [x async for x in It()] == [1,2]
async def test_c():
  async def k(x): await asyncio.sleep(0.01); return x * 2
  assert await run(k) == 6
def test_d(): assert inspect.iscoroutinefunction(f) and asyncio.run(f(1)) == 1
`),
  ],
  [
    'correct',
    `class Stack:
  def __init__(self): self._s = []
  def push(self, x): self._s.append(x)
  def pop(self): return self._s.pop()
  def __len__(self): return len(self._s)
  def __contains__(self, x): return x in self._s
  @property
  def top(self): return self._s[-1]
  @staticmethod
  def of(*a):
    s = Stack()
    for x in a: s.push(x)
    return s
  def __eq__(self, o): return isinstance(o, Stack) and self._s == o._s
  def __enter__(self): return self
  def __exit__(self,*a): return False
class V:
  def __init__(s,x,y): s.x,s.y=x,y
  def __add__(s,o): return V(s.x+o.x,s.y+o.y)
  def __mul__(s,k): return V(s.x*k,s.y*k)
  __rmul__=__mul__
  def __eq__(s,o): return (s.x,s.y)==(o.x,o.y)
  def __lt__(s,o): return s.x<o.x
  def __repr__(s): return f"V({s.x}, {s.y})"
  def __hash__(s): return hash((s.x,s.y))
class One:
  _i=None
  def __new__(c):
    if c._i is None: c._i=super().__new__(c)
    return c._i
class Money:
  def __init__(s,a): s.a=a
  def __eq__(s,o): return s.a == (o.a if isinstance(o,Money) else o)
  def __lt__(s,o): return s.a < (o.a if isinstance(o,Money) else o)
class LRU(dict):
  def put(self,k,v): self[k]=v
class Odd(list):
  def first(self): return self[0]
class Animal:
  def say(self): return "..."
class Dog(Animal): pass
class R:
  def __init__(s,n,d): s.n,s.d=n,d
  def __eq__(s,o): return s.n*o.d==o.n*s.d
def make():
  n=0
  def inc():
    nonlocal n
    n+=1
    return n
  return inc
def node():
  class N:
    pass
  a=N(); a.val=1; a.next=N(); a.next.val=2; a.next.prev=a; return a`,
    asserts(
      `s = Stack()
s.push(1)
assert len(s) == 1 and 1 in s and s.top == 1 and s.pop() == 1 and len(s) == 0`,
      `Stack.of(1,2) == Stack.of(1,2)`,
      `Stack.of(1,2) != Stack.of(1,3)`,
      `with Stack() as s:
  s.push(2)
  assert s.top == 2`,
      `V(1,2)+V(3,4) == V(4,6)`,
      `V(1,2)*3 == V(3,6) and 3*V(1,2) == V(3,6)`,
      `sorted([V(2,0),V(1,0)])[0].x == 1`,
      `One() is One()`,
      `Money(5) == 5 and Money(5) == Money(5) and Money(3) < 4 and Money(3) != 4`,
      `l = LRU()
l.put(1,2)
assert l[1] == 2 and 1 in l and len(l) == 1 and l == {1:2}`,
      `Odd([4]).first() == 4`,
      `isinstance(Dog(), Animal) and issubclass(Dog, Animal) and Dog().say() == "..." and type(Dog()).__name__ == "Dog"`,
      `R(1,2) == R(2,4) and R(1,2) != R(1,3)`,
      `c = make()
assert (c(), c()) == (1,2)`,
      `n = node()
assert n.val == 1 and n.next.val == 2 and n.next.prev is n`,
      `str(V(1,2)) == "V(1, 2)" and {V(1,2)} == {V(1,2)}`,
      `hasattr(Dog(), "say") and not hasattr(Dog(), "bark")`,
      `d = Dog()
d.name = "x"
assert d.name == "x"`,
    ),
  ],
  [
    'correct',
    `def f(): print("hi")
def g(): return input() + "!"
X = 3
def h(): return helper()
def helper(): return 1`,
    file(`import builtins, solution
def test_a(capsys):
  f()
  assert capsys.readouterr().out == 'hi\\n'
def test_b(monkeypatch):
  monkeypatch.setattr('builtins.input', lambda *a: 'x')
  assert g() == 'x!'
def test_c(monkeypatch):
  monkeypatch.setattr(solution, 'helper', lambda: 9)
  assert solution.h() == 9
def test_d(): assert solution.h() == 1
`),
  ],
  [
    'correct',
    `def f(m): return m.get(1).name
def g(xs): return [x.v for x in xs]`,
    file(`from unittest.mock import Mock, MagicMock
def test_a():
  m = Mock(); m.get.return_value.name = 'z'
  assert f(m) == 'z'
  m.get.assert_called_once_with(1)
def test_b():
  class X:
    def __init__(self, v): self.v = v
  assert g([X(1), X(2)]) == [1,2]
`),
  ],
  [
    'correct',
    `def add(a,b): return a+b`,
    file(`import unittest
class T(unittest.TestCase):
  @classmethod
  def setUpClass(cls): cls.k = 3
  def test_a(self): self.assertEqual(add(1,2), self.k)
  def test_b(self):
    for i in range(3):
      with self.subTest(i=i): self.assertEqual(add(i,0), i)
  @unittest.skip("x")
  def test_c(self): self.fail()
if __name__ == "__main__": unittest.main()`),
  ],
  [
    'incorrect',
    `def add(a,b): return a-b`,
    file(`import unittest
class T(unittest.TestCase):
  def test_b(self):
    for i in range(3):
      with self.subTest(i=i): self.assertEqual(add(i,1), i+1)
if __name__ == "__main__": unittest.main()`),
  ],
  [
    'bad-tests',
    `def add(a,b): return a+b`,
    file(`import unittest
class T(unittest.TestCase):
  async def test_b(self): self.assertEqual(add(1,1), 2)`),
  ],
  [
    'correct',
    `def add(a,b): return a+b`,
    file(`import unittest
class T(unittest.IsolatedAsyncioTestCase):
  async def test_b(self): self.assertEqual(add(1,1), 2)`),
  ],
  [
    'bad-tests',
    `def add(a,b): return a+b`,
    file(`def main():
  assert add(1,2)==3
`),
  ],
  [
    'correct',
    `def add(a,b): return a+b`,
    file(`def main():
  assert add(1,2)==3
if __name__=="__main__":
  main()`),
  ],
  [
    'incorrect',
    `def add(a,b): return a-b`,
    file(`def main():
  assert add(1,2)==3
if __name__=="__main__":
  main()`),
  ],
  [
    'bad-tests',
    `def add(a,b): return a-b`,
    file(`async def t():
  assert add(1,2)==3
async def test_x(): t()`),
  ],
  ['bad-tests', `def add(a,b): return a-b`, file(`def test_x(): return add(1,2) == 3`)],
  [
    'bad-tests',
    `def add(a,b): return a-b`,
    file(`def test_x():
  yield add(1,2)`),
  ],
  [
    'bad-tests',
    `def add(a,b): return a-b`,
    file(`import pytest
@pytest.mark.skip
def test_x(): assert add(1,2) == 3`),
  ],
  ['bad-tests', `def add(a,b): return a-b`, asserts(`assert (add(1,2) == 3, "m")`)],
  ['incorrect', `def add(a,b): return a-b`, asserts(`add(1,2) == 3, "m"`)],
  ['incorrect', `def add(a,b): return a-b`, asserts(`assert add(1,2) == 3, "m"`)],
  [
    'bad-tests',
    `def add(a,b): return a-b`,
    asserts(`add(1,2)
print(3)`),
  ],
  ['bad-tests', `def add(a,b): return a-b`, file(`def test_x(nope): assert add(1,2)==3`)],
  [
    'bad-tests',
    `def add(a,b): return a-b`,
    file(`import nonexistent_zz
def test_x(): assert add(1,2)==3`),
  ],
  [
    'incorrect',
    `def addx(a,b): return a-b`,
    file(`from solution import add
def test_x(): assert add(1,2)==3`),
  ],
  ['incorrect', `def addx(a,b): return a-b`, file(`def test_x(): assert add(1,2)==3`)],
  [
    'correct',
    `def add(a,b): return a+b`,
    file(
      `def check(candidate):
  assert candidate(1,2)==3
`,
      'add',
    ),
  ],
  [
    'bad-tests',
    `def add(a,b): return a+b`,
    file(
      `def chek(candidate):
  assert candidate(1,2)==3
`,
      'add',
    ),
  ],
  [
    'correct',
    `def add(a,b): return a+b`,
    file(`def check(candidate):
  assert candidate(1,2)==3
check(add)`),
  ],
  [
    'incorrect',
    `class P:
  def __init__(s,x): s.x=x
  def __eq__(s,o): return True
def mid(a,b): return P(9)`,
    asserts(`mid(P(1),P(3)) == P(2)`),
  ],
  [
    'incorrect',
    `class C:
  def __enter__(s): return s
  def __exit__(s,*a): return True
  def v(s): raise ValueError`,
    asserts(`with C() as c:
  assert c.v() == 3`),
  ],
  [
    'incorrect',
    `class C:
  def __enter__(s): return s
  def __exit__(s,*a): return True
  def v(s): return 4`,
    asserts(`with C() as c:
  assert c.v() == 3`),
  ],
  [
    'correct',
    `import contextlib
@contextlib.contextmanager
def quiet():
  try: yield
  except ValueError: pass`,
    asserts(`with quiet():
  raise ValueError
assert True`),
  ],
  [
    'incorrect',
    `def run(k, x):
  try: k(4)
  except BaseException: pass`,
    asserts(`def k(v): assert v == 3
run(k, 3)`),
  ],
  [
    'incorrect',
    `import unittest
def f(x): raise unittest.SkipTest("x")`,
    file(`import unittest
class T(unittest.TestCase):
  def test_a(self): self.assertEqual(f(1), 2)`),
  ],
  [
    'incorrect',
    `import unittest
def f(x): raise unittest.SkipTest("x")`,
    file(`def test_a(): assert f(1) == 2`),
  ],
  ['incorrect', `def f(x): raise SystemExit(0)`, file(`def test_a(): assert f(1) == 2`)],
  ['incorrect', `def f(x): raise KeyboardInterrupt`, file(`def test_a(): assert f(1) == 2`)],
  [
    'correct',
    `import sys
def f(x): sys.exit(2)`,
    file(`import pytest
def test_a():
  with pytest.raises(SystemExit) as e: f(1)
  assert e.value.code == 2`),
  ],
  [
    'correct',
    `class I:
  def __init__(s): s.i=0
  def __iter__(s): return s
  def __next__(s):
    s.i+=1
    if s.i>2: raise StopIteration
    return s.i`,
    file(`import pytest
def test_a():
  it = I()
  assert list(it) == [1,2]
  with pytest.raises(StopIteration): next(it)`),
  ],
  [
    'incorrect',
    `class test_evil:
  pass
class TestAll:
  def test_a(self): pass
def test_b(): pass
def add(a,b): return 0`,
    file(`from solution import *
def test_x(): assert add(1,2)==3`),
  ],
  [
    'bad-tests',
    `def test_b(): pass
class TestAll:
  def test_a(self): pass
def add(a,b): return 0`,
    file(`from solution import *
`),
  ],
  [
    'incorrect',
    `def f(k): return k.__globals__["EXPECTED"]`,
    file(`EXPECTED = 5
def test_a():
  def k(): pass
  assert f(k) == EXPECTED`),
  ],
  [
    'incorrect',
    `class T(str):
  def startswith(s,x): return True
def f(): return T("no")`,
    asserts(`f().startswith("Hello")`),
  ],
  [
    'incorrect',
    `class G:
  def greet(s,n): return s
  def startswith(s,p): return True
`,
    asserts(`G().greet("x").startswith("Hello")`),
  ],
  [
    'incorrect',
    `class G:
  def __contains__(s,p): return True
  def __iter__(s): return iter([])
def f(): return G()`,
    asserts(`3 in f()`),
  ],
  [
    'incorrect',
    `class G:
  def __rsub__(s,p): return set()
  def __sub__(s,o): return 0
def f(): return G()`,
    asserts(`not ({1,2} - f())`, `abs(f() - 3) < 1`, `f() >= 3`, `3 <= f()`),
  ],
];
