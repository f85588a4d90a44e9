// Which methods an object of the program may answer for itself.
const ofValues = [String, Number, Boolean, BigInt, Array, Map, Set, RegExp, Date, Uint8Array];
const builtInNames = new Set(ofValues.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype)));
// Methods that judge a value or compare it with another. An object of the program must not answer them in the place of
// the text, list or set that the tests expect.
const judging = new Set(
  (
    'startsWith endsWith includes indexOf lastIndexOf search match matchAll localeCompare isWellFormed test exec has some ' +
    'every find findIndex findLast findLastIndex isSubsetOf isSupersetOf isDisjointFrom hasOwnProperty isPrototypeOf ' +
    'propertyIsEnumerable'
  ).split(' '),
);

// Methods that no built-in type answers with a text, list or set of another: what they return may be their own object.
const fluent = new Set(
  'add set delete clear push unshift sort reverse fill copyWithin append prepend insert put enqueue'.split(' '),
);
const containers = { Array, Map, Set, Date };

// Names by which an object would decide for a library what it equals or when it is ready.
const deciding = new Set(['asymmetricMatch', '$$typeof', 'then', 'toJSON']);

module.exports = { builtInNames, containers, deciding, fluent, judging };
