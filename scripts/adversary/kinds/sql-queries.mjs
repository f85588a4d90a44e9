// Random queries in the SQL that DuckDB and SQLite read alike. A query is a function of a style: in every style it
// means the same. The plain style takes the first form of everything.

const columns = {
  emp: { number: ['id', 'pay', 'boss'], text: ['name', 'dept'] },
  dept: { number: ['head', 'floor'], text: ['code', 'city'] },
  sale: { number: ['no', 'seller', 'amount'], text: ['item'] },
};
const keys = { emp: 'id', dept: 'code', sale: 'no' };
const texts = ['Ann', 'Bo', 'ann', 'Cy', "O'Neil", '', 'eng', 'ops', 'Rome', 'a%b', 'pen'];
const joins = [
  ['emp', 'dept', 'dept', 'code'],
  ['emp', 'sale', 'id', 'seller'],
  ['dept', 'emp', 'head', 'id'],
  ['sale', 'emp', 'seller', 'id'],
];

const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const orNull = (random, make) => (random.chance(0.2) ? 'NULL' : make());

/** A script that fills the three tables. */
export function database(random) {
  const rows = (most, row) => random.list(1, most, (i) => `(${row(i + 1).join(', ')})`).join(', ');
  const text = () => orNull(random, () => quote(random.pick(texts)));
  const number = (to) => orNull(random, () => String(random.int(-1, to)));
  const pay = () => orNull(random, () => String(random.int(0, 40) / 4));
  return [
    'CREATE TABLE emp(id INTEGER, name VARCHAR, dept VARCHAR, pay DOUBLE, boss INTEGER)',
    'CREATE TABLE dept(code VARCHAR, city VARCHAR, head INTEGER, floor INTEGER)',
    'CREATE TABLE sale(no INTEGER, seller INTEGER, amount INTEGER, item VARCHAR)',
    'INSERT INTO emp VALUES ' +
      `${rows(8, (i) => [i, text(), orNull(random, () => quote(random.pick(['eng', 'ops']))), pay(), number(5)])}`,
    `INSERT INTO dept VALUES ${rows(3, (i) => [quote(['eng', 'ops', 'hr'][i - 1]), text(), number(5), number(3)])}`,
    `INSERT INTO sale VALUES ${rows(9, (i) => [i, number(6), number(12), text()])}`,
  ].join('; ');
}

/** Several forms of the same, the plain one first. */
const forms =
  (...all) =>
  (style) =>
    style.pick(all)(style);

const swapped = (a, b, sign, mirrored) =>
  forms(
    (s) => `${a(s)} ${sign} ${b(s)}`,
    (s) => `${b(s)} ${mirrored} ${a(s)}`,
    (s) => `(${a(s)}) ${sign} (${b(s)})`,
  );

const signs = [
  ['<', '>'],
  ['<=', '>='],
  ['=', '='],
  ['<>', '<>'],
  ['>', '<'],
  ['>=', '<='],
];

function column(random, tables, kind) {
  const table = random.pick(tables);
  const name = random.pick(columns[table][kind]);
  return forms(
    () => `${table}.${name}`,
    () => `"${table}"."${name}"`,
    () => `${table}. ${name.toUpperCase()}`,
  );
}

const constant = (random) => {
  const value = random.int(-2, 12);
  return forms(
    () => (value < 0 ? `(${value})` : `${value}`),
    () => `(${value + 3} - 3)`,
  );
};

function number(random, tables, depth = 2) {
  if (depth === 0 || random.chance(0.5)) return column(random, tables, 'number');
  const inner = () => number(random, tables, depth - 1);
  return random.oneOf(
    () => constant(random),
    () => {
      const [a, b] = [inner(), inner()];
      return forms(
        (s) => `(${a(s)} + ${b(s)})`,
        (s) => `(${b(s)} + ${a(s)})`,
      );
    },
    () => {
      const [a, b] = [inner(), inner()];
      return forms(
        (s) => `(${a(s)} - ${b(s)})`,
        (s) => `(-(${b(s)} - ${a(s)}))`,
      );
    },
    () => {
      const [a, b] = [inner(), constant(random)];
      return forms(
        (s) => `coalesce(${a(s)}, ${b(s)})`,
        (s) => `CASE WHEN ${a(s)} IS NOT NULL THEN ${a(s)} ELSE ${b(s)} END`,
      );
    },
    () => {
      const [p, a, b] = [predicate(random, tables, depth - 1), inner(), inner()];
      return (s) => `CASE WHEN ${p(s)} THEN ${a(s)} ELSE ${b(s)} END`;
    },
    () => {
      const a = inner();
      return forms(
        (s) => `abs(${a(s)})`,
        (s) => `CASE WHEN ${a(s)} < 0 THEN -(${a(s)}) ELSE ${a(s)} END`,
      );
    },
  );
}

function text(random, tables) {
  const a = column(random, tables, 'text');
  const literal = quote(random.pick(texts));
  return random.oneOf(
    () => a,
    () => a,
    () => (s) => `upper(${a(s)})`,
    () => (s) => `coalesce(${a(s)}, ${literal})`,
    () => (s) => `(${a(s)} || ${literal})`,
  );
}

function predicate(random, tables, depth = 2) {
  if (depth > 0 && random.chance(0.4)) {
    const [a, b] = [predicate(random, tables, depth - 1), predicate(random, tables, depth - 1)];
    const word = random.pick(['AND', 'OR']);
    return forms(
      (s) => `(${a(s)} ${word} ${b(s)})`,
      (s) => `(${b(s)} ${word} ${a(s)})`,
      (s) => `(NOT (NOT (${a(s)} ${word} ${b(s)})))`,
      (s) => `NOT (NOT (${a(s)}) ${word === 'AND' ? 'OR' : 'AND'} NOT (${b(s)}))`,
    );
  }
  const a = number(random, tables, 1);
  return random.oneOf(
    () => swapped(a, number(random, tables, 1), ...random.pick(signs)),
    () => swapped(a, constant(random), ...random.pick(signs)),
    () => {
      const literal = quote(random.pick(texts));
      return swapped(text(random, tables), () => literal, ...random.pick(signs));
    },
    () => {
      const no = random.pick(['', 'NOT ']);
      return (s) => `${a(s)} IS ${no}NULL`;
    },
    () => {
      const list = random.list(1, 3, () => constant(random));
      return forms(
        (s) => `${a(s)} IN (${list.map((one) => one(s)).join(', ')})`,
        (s) => `(${list.map((one) => `${a(s)} = ${one(s)}`).join(' OR ')})`,
      );
    },
    () => {
      const [low, high] = [constant(random), constant(random)];
      return forms(
        (s) => `${a(s)} BETWEEN ${low(s)} AND ${high(s)}`,
        (s) => `(${a(s)} >= ${low(s)} AND ${a(s)} <= ${high(s)})`,
      );
    },
    () => {
      const [t, like] = [column(random, tables, 'text'), quote(random.pick(['A%', '%n%', '_o', '%', '']))];
      return (s) => `${t(s)} LIKE ${like}`;
    },
    () => {
      const [left, right, own, other] = random.pick(joins.filter(([left]) => tables.includes(left)));
      const inner = predicate(random, [right], 0);
      return forms(
        (s) => `EXISTS (SELECT 1 FROM ${right} WHERE ${right}.${other} = ${left}.${own} AND ${inner(s)})`,
        (s) => `(SELECT count(*) FROM ${right} WHERE ${inner(s)} AND ${left}.${own} = ${right}.${other}) > 0`,
      );
    },
  );
}

/** Tables of a FROM clause, and how it is written. */
function source(random) {
  if (random.chance(0.5)) {
    const table = random.pick(Object.keys(columns));
    const wrapped = (s) => `(SELECT * FROM ${table}${s.chance(0.5) ? ' WHERE 1 = 1' : ''}) AS ${table}`;
    return { tables: [table], from: forms(() => table, wrapped) };
  }
  const [a, b, own, other] = random.pick(joins);
  const on = swapped(
    () => `${a}.${own}`,
    () => `${b}.${other}`,
    '=',
    '=',
  );
  const inner = forms(
    (s) => `${a} JOIN ${b} ON ${on(s)}`,
    (s) => `${b} INNER JOIN ${a} ON ${on(s)}`,
    () => `${a} CROSS JOIN (SELECT * FROM ${b}) AS ${b}`,
  );
  // A cross join needs its condition in WHERE, so the condition is written there in every form.
  const left = forms(
    (s) => `${a} LEFT JOIN ${b} ON ${on(s)}`,
    (s) => `${b} RIGHT JOIN ${a} ON ${on(s)}`,
  );
  return random.chance(0.5) ? { tables: [a, b], from: left } : { tables: [a, b], from: inner, where: on };
}

const where = (all) => (s) =>
  all.length === 0
    ? s.chance(0.2)
      ? ' WHERE 1 = 1'
      : ''
    : ` WHERE ${s
        .shuffled(all)
        .map((one) => one(s))
        .join(' AND ')}`;

function rows(random, width) {
  const { tables, from, where: joined } = source(random);
  const conditions = [...(joined ? [joined] : []), ...(random.chance(0.6) ? [predicate(random, tables)] : [])];
  const items = Array.from({ length: width ?? random.int(1, 3) }, (_, i) =>
    width !== undefined || i % 2 === 0 ? number(random, tables) : text(random, tables),
  );
  const distinct = random.chance(0.2);
  const list = (s) => items.map((one) => one(s)).join(', ');
  const rest = where(conditions);
  const sql = distinct
    ? forms(
        (s) => `SELECT DISTINCT ${list(s)} FROM ${from(s)}${rest(s)}`,
        (s) => `SELECT DISTINCT * FROM (SELECT ${list(s)} FROM ${from(s)}${rest(s)}) AS t`,
      )
    : (s) => `SELECT ${list(s)} FROM ${from(s)}${rest(s)}`;
  return { sql, width: items.length, tables, distinct };
}

function groups(random) {
  const { tables, from, where: joined } = source(random);
  const conditions = [...(joined ? [joined] : []), ...(random.chance(0.4) ? [predicate(random, tables, 1)] : [])];
  const key = random.chance(0.8) ? column(random, tables, 'text') : undefined;
  const aggregates = random.list(1, 2, () => {
    const a = number(random, tables, 1);
    const name = random.pick(['count', 'sum', 'min', 'max', 'avg', 'count(DISTINCT']);
    if (name === 'count')
      return forms(
        () => 'count(*)',
        () => 'count(1)',
        () => 'COUNT( * )',
      );
    if (name === 'count(DISTINCT') return (s) => `count(DISTINCT ${a(s)})`;
    return (s) => `${name}(${a(s)})`;
  });
  const having =
    key && random.chance(0.3) ? swapped(aggregates[0], constant(random), ...random.pick(signs)) : undefined;
  const rest = where(conditions);
  const sql = (s) => {
    const list = [...(key ? [key(s)] : []), ...aggregates.map((one) => one(s))].join(', ');
    const by = key ? ` GROUP BY ${key(s)}${having ? ` HAVING ${having(s)}` : ''}` : '';
    return `SELECT ${list} FROM ${from(s)}${rest(s)}${by}`;
  };
  return { sql, width: aggregates.length + (key ? 1 : 0) };
}

function sets(random) {
  const width = random.int(1, 2);
  const [a, b] = [rows(random, width), rows(random, width)];
  const word = random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT']);
  const one = (part, s) => `SELECT * FROM (${part.sql(s)}) AS p`;
  const sql = forms(
    (s) => `${one(a, s)} ${word} ${one(b, s)}`,
    (s) => (word === 'EXCEPT' ? `${one(a, s)} EXCEPT ${one(b, s)}` : `${one(b, s)} ${word} ${one(a, s)}`),
  );
  return { sql, width };
}

function windows(random) {
  const table = random.pick(Object.keys(columns));
  const key = keys[table];
  const part = random.pick(columns[table].text);
  const value = random.pick(columns[table].number);
  const word = random.pick(['row_number()', 'rank()', `sum(${value})`, `count(${value})`, `lag(${value})`]);
  const partition = random.chance(0.5) ? `PARTITION BY ${part} ` : '';
  const sql = forms(
    () => `SELECT ${key}, ${word} OVER (${partition}ORDER BY ${key}) FROM ${table}`,
    () => `SELECT ${key}, ${word} OVER w FROM ${table} WINDOW w AS (${partition}ORDER BY ${key})`,
  );
  return { sql, width: 2 };
}

/**
 * A query: `sql` of a style, and `order`, the positions (from 0) of the columns that it orders by; undefined without
 * ORDER BY.
 */
export function query(random) {
  const { sql, width } = random.oneOf(
    () => rows(random),
    () => rows(random),
    () => groups(random),
    () => sets(random),
    () => windows(random),
  );
  const wrapped = forms(
    sql,
    (s) => `SELECT * FROM (${sql(s)}) AS q`,
    (s) => `WITH q AS (${sql(s)}) SELECT * FROM q`,
  );
  if (!random.chance(0.4)) return { sql: wrapped, width };
  const order = random.shuffled(Array.from({ length: width }, (_, i) => i)).slice(0, random.int(1, width));
  const by = order.map((at) => [at + 1, random.pick(['ASC', 'DESC']), random.pick(['FIRST', 'LAST'])]);
  const ordered = (s) =>
    `SELECT * FROM (${sql(s)}) AS o ORDER BY ${by.map(([at, way, nulls]) => `${at} ${way} NULLS ${nulls}`).join(', ')}`;
  // A limit shows the same rows only where the order is total.
  const total = order.length === width;
  const limit = total && random.chance(0.4) ? random.int(0, 4) : undefined;
  return {
    sql: limit === undefined ? ordered : (s) => `${ordered(s)} LIMIT ${limit}`,
    width,
    order,
  };
}
