// Questions about a table of users, and how a pupil who forgets `=` and `desc` answers them: alone, and with the query
// in sight.
import { generator } from './draws.mjs';

/** How often the pupil slips where that is likely, alone and with the solution in sight. */
const [SLIP, LEAVE] = [0.6, 0.1];
const CITIES = ['Rome', 'Oslo', 'Lima', 'Kyoto'];
const COMPARISONS = { 'older than': '>', 'at least': '>=', 'younger than': '<', 'at most': '<=' };

/** A user of each age in each city, so that a forgotten `=` shows. */
const database = (ages, letters) => {
  const rows = CITIES.flatMap((city, c) => ages.map((age, a) => `('${letters[c]}${a}', ${age}, '${city}')`));
  return `create table users(name varchar, age int, city varchar); insert into users values ${rows.join(', ')};`;
};
const databases = [
  database([20, 25, 30, 35, 40, 45, 50, 55, 60], 'ABCD'),
  database([55, 24, 50, 35, 31, 40, 62, 25, 30, 45], 'WXYZ'),
];

function query({ counts, comparison, age, place, order }, slips) {
  const operator = COMPARISONS[comparison];
  const conditions = [
    `age ${operator.length === 2 && slips() ? operator[0] : operator} ${age}`,
    ...(place ? [`city ${place.not ? '<>' : '='} '${place.city}'`] : []),
  ];
  const sorted = order === 'oldest first' ? (slips() ? ' order by age' : ' order by age desc') : ' order by age';
  return `select ${counts ? 'count(*)' : 'name'} from users where ${conditions.join(' and ')}${order ? sorted : ''}`;
}

export default generator('sql', ({ pick, chance }) => {
  const counts = chance(0.3);
  const asked = {
    counts,
    comparison: pick(Object.keys(COMPARISONS)),
    age: pick([25, 30, 35, 40, 45, 50, 55]),
    place: chance(0.75) ? { city: pick(CITIES), not: chance(0.3) } : undefined,
    order: counts ? undefined : pick([undefined, 'oldest first', 'youngest first']),
  };
  const { comparison, age, place, order } = asked;
  const where = place ? `${place.not ? ' not' : ''} in ${place.city}` : '';
  const answer = query(asked, () => false);
  return {
    question: `SQL: ${counts ? 'how many' : 'names of'} users ${comparison} ${age}${where}${order ? `, ${order}` : ''}`,
    answer,
    trace: answer,
    data: { databases, ...(order && { ordered: true }) },
    alone: query(asked, () => chance(SLIP)),
    guided: query(asked, () => chance(LEAVE)),
  };
});
