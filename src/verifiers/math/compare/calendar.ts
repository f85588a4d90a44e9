import { pattern } from '../../pattern.js';
import type { Outcome } from './expressions.js';

// Dates, times of day and telephone numbers contain digits and signs, but are no arithmetic.

type Moment =
  | { readonly kind: 'date'; readonly year?: number; readonly month: number; readonly day: number }
  /** Day and month in an order that is not known. */
  | { readonly kind: 'slashes'; readonly parts: readonly number[] }
  /** `half` is missing without a.m. or p.m. */
  | {
      readonly kind: 'time';
      readonly minutes: number;
      readonly seconds: number;
      readonly half?: 'am' | 'pm';
      readonly ratio: boolean;
    }
  | { readonly kind: 'telephone'; readonly digits: string };

const MONTHS = 'january february march april may june july august september october november december'.split(' ');
const MONTH =
  '(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|' +
  String.raw`aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`;
const DAY = String.raw`(\d{1,2})(?:st|nd|rd|th)?`;
const YEAR = String.raw`(?:\s*,?\s*(\d{4}))?`;
const WEEKDAY = String.raw`(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?`;
const MONTH_FIRST = pattern('i', String.raw`^${WEEKDAY}${MONTH}\s+(?:the\s+)?${DAY}${YEAR}$`);
const DAY_FIRST = pattern('i', String.raw`^${WEEKDAY}(?:the\s+)?${DAY}\s+(?:of\s+)?${MONTH}${YEAR}$`);
const ISO = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/;
const SLASHES = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})$/;
const TIME = /^(\d{1,2})(?:\s*:\s*(\d{2}))?(?:\s*:\s*(\d{2}))?\s*(?:(a|p)\.?\s?m\b\.?|(?:h|hours|hrs|o'clock)?)$/i;
const TELEPHONE = /^(?:\+?\d{1,3}[-. ])?(?:\(\d{3}\)\s*|\d{3}[-. ])?\d{3}-\d{4}$/;

const monthOf = (name: string): number =>
  MONTHS.findIndex((month) => month.startsWith(name.slice(0, 3).toLowerCase())) + 1;

function date(year: string | undefined, month: number, day: string): Moment | undefined {
  const number = Number(day);
  if (month < 1 || month > 12 || number < 1 || number > 31) return undefined;
  return { kind: 'date', month, day: number, ...(year !== undefined && { year: Number(year) }) };
}

function time(found: RegExpExecArray): Moment | undefined {
  const [, hour = '', minute, second, half] = found;
  if (minute === undefined && half === undefined) return undefined;
  const [h, m, s] = [Number(hour), Number(minute ?? 0), Number(second ?? 0)];
  if (h > 24 || m > 59 || s > 59 || (half !== undefined && (h < 1 || h > 12))) return undefined;
  // `10:30` may be a ratio, unless it could be reduced; no ratio is written as 7:05.
  const ratio =
    half === undefined && second === undefined && !/^0/.test(minute ?? '') && !/^0/.test(hour) && coprime(h, m);
  const named = half?.toLowerCase() === 'p' ? 'pm' : half === undefined ? undefined : 'am';
  const hours = named === undefined ? h : (h % 12) + (named === 'pm' ? 12 : 0);
  return { kind: 'time', minutes: 60 * hours + m, seconds: s, ratio, ...(named && { half: named }) };
}

const coprime = (a: number, b: number): boolean => (b === 0 ? a === 1 : coprime(b, a % b));

const plain = (text: string): string =>
  text
    .replace(/\\(?:text\w*|mbox|mathrm)\s*\{([^{}]*)\}/g, ' $1 ')
    .replace(/\{:\}/g, ':')
    .replace(/[$]|\\[,;: ]|\\[()[\]]/g, ' ')
    .replace(/(?<![ap]\.?\s?m)[\s.]+$|^\s+/gi, '')
    .replace(/\s+/g, ' ')
    .trim();

/** A date, time or telephone number; undefined if the text is none. */
function momentOf(source: string): Moment | undefined {
  if (source.length > 80 || !/\d\D*[:/.-]\W*\d|[a-z]{2}|[ap]\.m/i.test(source)) return undefined;
  const text = plain(source);
  if (/^(?:12 )?noon$/i.test(text)) return { kind: 'time', minutes: 720, seconds: 0, ratio: false, half: 'pm' };
  if (/^(?:12 )?midnight$/i.test(text)) return { kind: 'time', minutes: 0, seconds: 0, ratio: false, half: 'am' };
  const first = MONTH_FIRST.exec(text);
  if (first?.[1] && first[2]) return date(first[3], monthOf(first[1]), first[2]);
  const second = DAY_FIRST.exec(text);
  if (second?.[1] && second[2]) return date(second[3], monthOf(second[2]), second[1]);
  const iso = ISO.exec(text);
  if (iso?.[3] && iso[4]) return date(iso[1], Number(iso[3]), iso[4]);
  const slashes = SLASHES.exec(text);
  if (slashes) return slashed(Number(slashes[1]), Number(slashes[3]), slashes[4] ?? '');
  if (TELEPHONE.test(text)) return { kind: 'telephone', digits: text.replace(/\D/g, '') };
  const clock = TIME.exec(text);
  return clock ? time(clock) : undefined;
}

export const isMoment = (text: string): boolean => momentOf(text) !== undefined;

function slashed(a: number, b: number, year: string): Moment | undefined {
  if (a > 12) return date(year, b, String(a));
  if (b > 12 || a === b) return date(year, a, String(b));
  return { kind: 'slashes', parts: [a, b, Number(year)] };
}

/** Compares dates, times and telephone numbers; undefined if the texts may be something else. */
export function compareMoments(gold: string, answer: string): Outcome | undefined {
  const [g, a] = [momentOf(gold), momentOf(answer)];
  if (!g && !a) return undefined;
  // Two numbers with a colon are a ratio if the reference may be one.
  if (isRatio(g, gold) && isRatio(a, answer)) return undefined;
  if (g?.kind === 'telephone' && !a && /^[\d\s().+-]+$/.test(plain(answer)))
    return g.digits === answer.replace(/\D/g, '') ? 'yes' : 'no';
  if (!g || !a) return mayBeNumber(g ?? a) ? undefined : 'no';
  if (g.kind === 'time' && a.kind === 'time') return sameTime(g, a) ? 'yes' : 'no';
  if (g.kind === 'date' && a.kind === 'date')
    return g.month === a.month && g.day === a.day && (g.year === a.year || g.year === undefined) ? 'yes' : 'no';
  if (g.kind === 'slashes' && a.kind === 'slashes') return g.parts.join() === a.parts.join() ? 'yes' : 'no';
  if (g.kind === 'slashes' || a.kind === 'slashes') return 'unsure';
  if (g.kind === 'telephone' && a.kind === 'telephone')
    return g.digits === a.digits || g.digits.endsWith(a.digits) || a.digits.endsWith(g.digits) ? 'yes' : 'no';
  return 'no';
}

const isRatio = (moment: Moment | undefined, text: string): boolean =>
  moment === undefined ? /\d\s*:\s*\d/.test(text) : moment.kind === 'time' && moment.ratio;

/** A ratio in lowest terms against something that is no time. */
const mayBeNumber = (moment: Moment | undefined): boolean => moment?.kind === 'time' && moment.ratio;

type Time = Extract<Moment, { kind: 'time' }>;

/** Without a.m. or p.m., an hour up to 12 may be in either half of the day; one from 13 on is in the second. */
function sameTime(gold: Time, answer: Time): boolean {
  if (gold.seconds !== answer.seconds) return false;
  const settled = (time: Time): boolean => time.half !== undefined || time.minutes >= 780 || time.minutes < 60;
  if (settled(gold) === settled(answer)) return gold.minutes % 1440 === answer.minutes % 1440;
  return gold.minutes % 720 === answer.minutes % 720;
}
