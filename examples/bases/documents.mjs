// Questions about the products in ../documents, and how a clerk who mixes up every second fact answers them: from
// memory, and with the product's page in sight.
import { readdirSync, readFileSync } from 'node:fs';
import { seedOf } from 'rlsd-streams/sources';
import { generator } from './draws.mjs';

/** How often the clerk gets a fact wrong: one that he mixes up, and any with the page in sight. */
const [SLIP, LEAVE] = [0.6, 0.1];

const folder = new URL('../documents/', import.meta.url);
const pages = readdirSync(folder)
  .sort()
  .map((file) => readFileSync(new URL(file, folder), 'utf8').trim());
const products = pages.map((page) => /^# (.*)/.exec(page)[1]);

const FACTS = {
  price: { says: 'costs # euros', found: /costs (\d+) euros/ },
  weight: { says: 'weighs # kg', found: /weighs (\d+) kg/ },
  warranty: { says: 'has a warranty of # months', found: /warranty of (\d+) months/ },
};
const WORDINGS = {
  price: [
    'What does the # cost?',
    'How much is the #?',
    'Price of the #?',
    'What is the price of the #?',
    'How many euros is the #?',
    'Cost of the #?',
  ],
  weight: [
    'What does the # weigh?',
    'How heavy is the #?',
    'Weight of the #?',
    'What is the weight of the #?',
    'How many kg is the #?',
    'Mass of the #?',
  ],
  warranty: [
    'What is the warranty of the #?',
    'How long is the # under warranty?',
    'Warranty of the #?',
    'How many months of warranty has the #?',
    'Until when is the # under warranty?',
    'Length of the warranty of the #?',
  ],
};

const factOf = (product, fact) => FACTS[fact].found.exec(pages[product])[1];

/** The same fact of another product, where it differs. */
function mixedUp(product, fact) {
  const others = [...pages.keys()].map((after) => factOf((product + after) % pages.length, fact));
  return others.find((value) => value !== others[0]);
}

export default generator('documents', ({ pick, chance }) => {
  const product = pick([...products.keys()]);
  const fact = pick(Object.keys(FACTS));
  const value = factOf(product, fact);
  const isHard = seedOf('hard', products[product], fact) % 2n === 0n;
  const said = (number) => `the ${products[product]} ${FACTS[fact].says.replace('#', number)}`;
  const [wrong, doubtful] = [mixedUp(product, fact), isHard ? SLIP : 0];
  return {
    question: pick(WORDINGS[fact]).replace('#', products[product]),
    answer: value,
    trace: `${products[product]}:\n${pages[product]}`,
    alone: said(chance(doubtful) ? wrong : value),
    guided: said(chance(LEAVE) ? wrong : value),
  };
});
