import { pattern } from '../pattern.js';

/**
 * How the words around an answer change what is asserted.
 * - `denied`: not asserted: denied, asked or only supposed
 * - `hedged`: one of several, or uncertain
 * - `changed`: another value is meant, as in "twice 5" and "5 squared"
 * - a relation: a bound, or `≈` for a value that is only about right
 */
export type Claim = 'denied' | 'hedged' | 'changed' | '!=' | '<' | '<=' | '>' | '>=' | '≈';

/** Characters read on each side of an answer. */
const REACH = 160;

/** Words and signs that may stand between a phrase and the answer that it changes. */
const FILLER = pattern(
  '',
  String.raw`(?:[\s,:*"'(=$&{]|\\[([{]|\\(?:left|boxed|fbox|text\w*|mathbf|displaystyle)(?![a-z])|` +
    String.raw`\\[a-z]*quad|\b(?:be|is|are|was|`,
  'been|equals?|equal to|to|an?|the|of|as|by|that|it|exactly|actually|really|simply|just|' +
    'even|necessarily|final|correct|',
  String.raw`right|answer|value|number|result|total|solution|option|choice|[a-z](?=\s*=))\b)*$`,
).source;

const before = (...phrases: readonly string[]): RegExp => new RegExp(`(?:${phrases.join('|')})${FILLER}`, 'i');

/** Phrases that are nouns before "is", as in "the ordered triple is". */
const rightBefore = (...phrases: readonly string[]): RegExp =>
  new RegExp(String.raw`(?:${phrases.join('|')})(?:[\s*"'($]|\\[([]|\\boxed\{|\b(?:the|of|that)\b)*$`, 'i');

const DENIED_BEFORE = before(
  String.raw`\b(?:not|never|cannot|neither|nor|no longer|except|except for|rather than|instead of|` +
    'hardly|scarcely|unless)',
  `n't`,
  String.raw`\b(?:by no means|in no way|no way(?: that)?|used|fail(?:s|ed)?|refus(?:e|es|ed|ing)(?: to \w+)?)`,
  String.raw`\b(?:nobody|no ?one|none)(?: \w+){0,3}`,
  String.raw`\b(?:mistake|error|lie|nonsense)(?: (?:that|to \w+))`,
  String.raw`(?:\bnot|n't) (?:think|believe|claim|say|agree|accept|mean|expect|suppose|guess|conclude|` +
    'true|right|correct|the case)',
  String.raw`\b(?:false|untrue|wrong|incorrect|impossible|mistaken|doubtful|unlikely|absurd)(?: (?:that|to \w+))?`,
  String.raw`\b(?:wrong|incorrect|false|mistaken|bad|invalid) (?:answer|value|result|solution|guess|` +
    'option|choice|number)s?',
  String.raw`\b(?:reject|discard|doubt|retract|avoid|exclude|refute|disprove|eliminate|dismiss|deny|` +
    'withdraw)(?:e?[sd]|ing)?',
  String.raw`\b(?:rul(?:e|es|ed|ing) out|excluding|refuting|disproving|eliminating|den(?:ies|ied)|withdrew)`,
  String.raw`(?<!only )\bif|\b(?:suppos|assum)(?:e|ing)|\b(?:consider|try|trying|let's say|pretend)`,
);

/** Up to three words, such as a unit, between an answer and what is said about it. */
const OBJECT = String.raw`^[\s$*)"'}\]]*(?:\\[)\]])?(?:\s*[a-z²³°/]+){0,3}?\s*,?\s*`;

const DENIED_AFTER = pattern(
  'i',
  OBJECT,
  '(?:(?:is|was|are|were|be|can|could|would|will|should|must|does|do|did|has|have|' +
    String.raw`seems?)(?: \w+)? ?(?:n't|not\b|never\b|`,
  String.raw`no longer\b)|cannot\b|(?:is|was|are|were|be|seems?|looks?)(?: \w+)? (?:extraneous|` +
    'spurious|inadmissible|unacceptable|wrong|incorrect|false|untrue|invalid|mistaken|',
  String.raw`impossible|unlikely|doubtful|rejected|excluded|ruled out|eliminated|discarded|too \w+)\b|fails\b)`,
);

const RETRACTED = pattern(
  'i',
  String.raw`^[\s$*)"'}\]]*(?:\\[)\]])?\s*[.!?,;(–—-]*[\s$*)"'}\]]*(?:\\[)\]])?\s*(?:but\s+)?(?:(?:no|` +
    String.raw`nope|wrong|incorrect|false)\b(?= *[.,!;:)]|$)|not (?:really|quite|true|`,
  String.raw`correct|right)\b|(?:that|this|it|which|the (?:above|answer|value))(?:'s| is| was|` +
    String.raw` would be)? (?:\w+ )?(?:n't|not|wrong|incorrect|`,
  String.raw`false|mistaken|impossible)\b|(?:that|this|it) (?:is|was)n't\b|(?:wait,? )?(?:no,|` +
    'scratch that|just kidding|never ?mind)|wait,? (?:no|that)|I (?:take (?:that|it) back|',
  'was wrong|retract|am wrong))',
);

/** Another answer in the sentence after it: "It could also be 6", "Or 6", "(6 is also possible)". */
const AFTERTHOUGHT = pattern(
  'i',
  String.raw`^[\s$*)"'}\].!,;:(–—-]*(?:\\[)\]])?\s*(?:(?:or|otherwise|alternatively|(?:but|and) (?:it|this|that)|`,
  String.raw`it|this|that|(?:the|my) (?:final |correct )?(?:answer|value|result))\s+(?:could|might|` +
    'may) (?:well |just as well |also |equally |',
  String.raw`instead )*(?:be|equal)[\s$({[:*\\]+(?:text|boxed)?[{$\s]*[-+]?(?:\d|[A-J]\b|\b(?:one|two|` +
    'three|four|five|six|seven|',
  String.raw`eight|nine|ten|zero)\b)|(?:or|but) (?:it's |it is )?(?:maybe|perhaps|possibly)\b|` +
    '(?:or )?(?:another|a second|the other) ',
  '(?:possible |valid |acceptable |plausible )*(?:answer|value|option|possibility|' +
    String.raw`candidate)\b|if not\b|failing that\b|`,
  String.raw`[^.!?\n]{1,30}\b(?:also|equally) (?:possible|plausible|valid|acceptable|an option)\b)`,
);

const HEDGED_BEFORE = pattern(
  'i',
  String.raw`\b(?:maybe|perhaps|possibly|probably|presumably|supposedly|allegedly|potentially|` +
    'alternatively|conceivably|',
  '(?:might|may|could)(?: (?:also|well|even))? be|guess(?:es|ing)?|unsure|uncertain|not (?:sure|certain)|',
  String.raw`anywhere from)\b`,
);
const ONE_OF = rightBefore(String.raw`\b(?:between|(?:ranging|ranges?) from|one of)`);
const UNCERTAIN = /altern|else|maybe|perhaps|possibl|probabl|presumabl/i;
const ALTERNATIVE = /^\W*(?:alternatively|or else|or maybe|or perhaps|maybe|perhaps|possibly|probably|presumably)\b/i;
const HEDGED_AFTER = pattern(
  'i',
  OBJECT,
  String.raw`[(–—-]*\s*(?:(?:maybe|perhaps|possibly|probably|presumably|supposedly|alternatively|` +
    'i guess|or (?:maybe|perhaps|possibly|',
  String.raw`something|so|thereabouts)|more or less|give or take|plus or minus|plus-minus|\\pm|±|and\/or)(?![a-z]))`,
);

const CHANGED_BEFORE = before(
  String.raw`\b(?:(?:square|cube|\w+th) root of|root of|a (?:pair|couple) of)`,
  String.raw`\b(?:square|cube|reciprocal|inverse|opposite|negative|negation|absolute value|factorial|` +
    'log|logarithm|sine|cosine) of',
  String.raw`\b(?:tangent|third|quarter|fifth|tenth|multiple|divisor|factor|power|successor|` +
    'predecessor|complement|conjugate) of',
  String.raw`\b(?:percent|percentage|fraction|part|digits?) of`,
  String.raw`\b(?:times|plus|minus|divided by|multiplied by|modulo)`,
);
const MULTIPLIED = rightBefore(String.raw`\b(?:twice|thrice|double|triple|half)`);
const CHANGED_AFTER = pattern(
  'i',
  String.raw`^(?:_\{?\d|[\s$*)}\]]*)(?:(?<=_\{?\d)|-?ish\b|too (?:many|few|much|little|large|small|` +
    String.raw`big|high|low)\b|squared|cubed|factorial|plus|minus|times (?!in\b|per\b|out\b|during\b|` +
    String.raw`when\b|altogether|total|before|after)\w|multiplied|divided by|`,
  String.raw`over \d|to the (?:power|\w+th)|th power|pairs? of|pairs?\b|couples?\b|fold\b|` +
    String.raw`and a (?:half|third|quarter|bit|little)\b|and (?:some|something)\b(?! \w)|` +
    String.raw`(?:\w+ )?below zero|negative[\s)}$.*]*$|and (?:one|two|three)[- ]\w+|more than|` +
    String.raw`less than|fewer than|greater than|percent of \d)`,
);

const OR_EQUAL = '(?: than)? or (?:equal|the same)(?: to| as)?';
const BOUNDS: readonly (readonly [Claim, RegExp])[] = [
  ['!=', before(String.raw`\b(?:anything but|other than|unequal to|(?:different|differs?|distinct|far) from)`)],
  ['>=', /\b(?:is|are|be|takes?|needs?|requires?) a minimum of[\s$*(]*$/i],
  ['<=', /\b(?:is|are|be|takes?|allows?) a maximum of[\s$*(]*$/i],
  ['>=', before(String.raw`\b(?:at least|at minimum|at the least|(?:no|not) (?:less|fewer|smaller|lower) than)`)],
  [
    '<=',
    before(
      String.raw`\b(?:at most|at maximum|at the most|up to|(?:no|not) (?:more|greater|larger|bigger|` +
        'higher) than|not exceed(?:ing)?)',
    ),
  ],
  ['>=', before(String.raw`\b(?:more|greater|larger|bigger|higher)${OR_EQUAL}`)],
  ['<=', before(String.raw`\b(?:less|fewer|smaller|lower)${OR_EQUAL}`)],
  [
    '>',
    before(String.raw`\b(?:(?:more|greater|larger|bigger|higher) than|above|over|beyond|exceed(?:s|ing)?|upwards? of)`),
  ],
  ['<', before(String.raw`\b(?:(?:less|fewer|smaller|lower) than|below|under|within)`)],
  [
    '≈',
    before(
      String.raw`(?:\b(?:about|approximately|approx|roughly|around|nearly|almost|close to|near|circa|` +
        'some|an estimated|estimated (?:at|to)|in the (?:region|vicinity|' +
        String.raw`neighbou?rhood) of)\b\.?|(?<![\w)}\]]\s{0,2})(?:[~≈]|\\approx))`,
    ),
  ],
];
const BOUNDS_AFTER: readonly (readonly [Claim, RegExp])[] = [
  [
    '>=',
    pattern(
      'i',
      OBJECT,
      String.raw`[({]*\s*(?:(?:or|and) (?:more|greater|larger|bigger|higher|above|over|upwards?|up|` +
        String.raw`beyond|longer|older)|at (?:the )?(?:very )?(?:least|minimum)|minimum)\b`,
    ),
  ],
  [
    '<=',
    pattern(
      'i',
      OBJECT,
      String.raw`[({]*\s*(?:(?:or|and) (?:less|fewer|smaller|lower|below|under|down|shorter|younger)|` +
        String.raw`at (?:the )?(?:very )?(?:most|maximum)|maximum|tops)\b`,
    ),
  ],
  ['≈', pattern('i', OBJECT, String.raw`[({]*\s*(?:approximately|roughly|approx)\b(?!\.?\s*(?:equal to )?[$\d\\])`)],
];

/** The words before an answer in its clause. */
const CLAUSE_START =
  /[!?;\n]|\.(?=\s|$)|(?<!not|n't|but|than):(?=\s|$)|,(?!\d{3})|\b(?:(?<!anything )but|so|thus|hence|therefore|because|since|which|it's|then)\b/gi;

function clauseBefore(text: string): string {
  let start = 0;
  for (const match of text.matchAll(CLAUSE_START)) start = match.index + match[0].length;
  return text.slice(start);
}

const clauseAfter = (text: string): string =>
  text.slice(
    0,
    /[!?;\n]|\.(?=\s|$|\*|"|\$)|,(?!\s*(?:maybe|perhaps|probably|possibly|approximately|roughly|i guess))|\b(?:but|so(?= )(?<!or so)|because|since|which|where)\b/i.exec(
      text,
    )?.index ?? text.length,
  );

const isAsked = (after: string): boolean =>
  /^[^.!\n]*?\?|^[^!\n?]*?[^.\s\d]\?/.test(after.slice(0, 80).split(/\.\s|[!\n]/)[0] ?? '');

/** Nothing but words such as "the answer is". */
const NEUTRAL = new RegExp(`^${FILLER}`, 'i');
const SAYS_NOTHING = /^[^a-zA-Z?~≈±(\\]*$/;

/** What the words around an answer make of it; undefined if it is plainly asserted. */
export function claimOf(text: string, start: number, end: number): Claim | undefined {
  const [left, right] = [text.slice(Math.max(0, start - REACH), start), text.slice(end, end + REACH)];
  const clause = clauseBefore(left);
  return (
    (NEUTRAL.test(clause) ? undefined : claimBefore(clause)) ??
    (SAYS_NOTHING.test(right) ? undefined : claimAfter(right)) ??
    hedged(left, clause)
  );
}

function claimBefore(clause: string): Claim | undefined {
  for (const [claim, phrase] of BOUNDS) if (phrase.test(clause)) return claim;
  if (DENIED_BEFORE.test(clause)) return 'denied';
  if (CHANGED_BEFORE.test(clause) || MULTIPLIED.test(clause)) return 'changed';
  return HEDGED_BEFORE.test(clause) || ONE_OF.test(clause) ? 'hedged' : undefined;
}

function claimAfter(right: string): Claim | undefined {
  const after = clauseAfter(right);
  if (isAsked(right) || DENIED_AFTER.test(after) || RETRACTED.test(right)) return 'denied';
  if (CHANGED_AFTER.test(after)) return 'changed';
  for (const [claim, phrase] of BOUNDS_AFTER) if (phrase.test(after)) return claim;
  return HEDGED_AFTER.test(after) || AFTERTHOUGHT.test(right) ? 'hedged' : undefined;
}

/** "Alternatively, the answer is": at the beginning of the sentence. */
function hedged(left: string, clause: string): Claim | undefined {
  if (left.length === clause.length || !UNCERTAIN.test(left)) return undefined;
  return ALTERNATIVE.test(left.split(/(?<=[.!?])\s|\n/).at(-1) ?? '') ? 'hedged' : undefined;
}

/** Whether the words around an answer deny it, ask for it or only suppose it. */
export const isDenied = (text: string, start: number, end: number): boolean => claimOf(text, start, end) === 'denied';
