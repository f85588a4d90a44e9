import { at } from '../../required.js';
import { UnsupportedError } from '../errors.js';

/** A day, which begins at midnight: a recorded run has no clock. */
export interface CalendarDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

/** @param date such as `2026-11-30`; a time after it is left out */
export function calendarDate(date: string): CalendarDate {
  const [year = 0, month = 0, day = 0] = date.slice(0, 10).split('-').map(Number);
  return { year, month, day };
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/**
 * Python's `strftime` in the C locale. Directives that platforms differ in are refused.
 * @throws {UnsupportedError} naming the directive
 */
export function formatDate(format: string, { year, month, day }: CalendarDate): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  const dayOfYear = Math.round((date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  const weekday = date.getUTCDay();
  const weekName = at(days, weekday);
  const monthName = at(months, month - 1);
  const two = (value: number): string => String(value).padStart(2, '0');
  const values: Readonly<Record<string, string>> = {
    a: weekName.slice(0, 3),
    A: weekName,
    w: String(weekday),
    u: String(weekday || 7),
    d: two(day),
    b: monthName.slice(0, 3),
    B: monthName,
    m: two(month),
    y: two(year % 100),
    Y: String(year),
    H: '00',
    I: '12',
    p: 'AM',
    M: '00',
    S: '00',
    f: '000000',
    z: '',
    Z: '',
    j: String(dayOfYear).padStart(3, '0'),
    U: two(Math.floor((dayOfYear + 6 - weekday) / 7)),
    W: two(Math.floor((dayOfYear + 6 - ((weekday + 6) % 7)) / 7)),
    F: `${year}-${two(month)}-${two(day)}`,
    D: `${two(month)}/${two(day)}/${two(year % 100)}`,
    T: '00:00:00',
    R: '00:00',
    x: `${two(month)}/${two(day)}/${two(year % 100)}`,
    X: '00:00:00',
    c: `${weekName.slice(0, 3)} ${monthName.slice(0, 3)} ${String(day).padStart(2)} 00:00:00 ${year}`,
    '-d': String(day),
    '-m': String(month),
    e: String(day).padStart(2),
    '%': '%',
  };
  return format.replace(/%(-?[\s\S]?)/g, (whole, directive: string) => {
    const value = values[directive];
    if (value === undefined) throw new UnsupportedError(`strftime_now: the directive ${whole} is not supported`);
    return value;
  });
}
