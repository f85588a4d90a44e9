import { isIPv6 } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';

// The formats of JSON Schema that ajv-formats reads more loosely than their RFCs do, or does not know.

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:z|([+-])(\d\d):(\d\d))$/i;
const DAY_MINUTES = 24 * 60;

function isDate(text: string): boolean {
  const [, year, month, day] = (DATE.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

// setUTCFullYear takes years below 100 as they are.
const daysIn = (year: number, month: number): number =>
  new Date(new Date(0).setUTCFullYear(year, month, 0)).getUTCDate();

interface Time {
  /** Minutes in UTC since the local midnight: negative, or a day and more, where the UTC date is another. */
  readonly utcMinutes: number;
  readonly leap: boolean;
}

/** Reads RFC 3339's `full-time`. */
function timeOf(text: string): Time | undefined {
  const [, hour, minute, second, sign, offsetHour = '0', offsetMinute = '0'] = TIME.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? -1 : 1);
  const utcMinutes = Number(hour) * 60 + Number(minute) - offset;
  const leap = Number(second) === 60;
  // A leap second is inserted at 23:59:60 UTC.
  return leap && (utcMinutes + DAY_MINUTES) % DAY_MINUTES !== DAY_MINUTES - 1 ? undefined : { utcMinutes, leap };
}

function isDateTime(text: string): boolean {
  const [, date, clock] = /^(.{10})[Tt](.+)$/.exec(text) ?? [];
  if (date === undefined || clock === undefined || !isDate(date)) return false;
  const time = timeOf(clock);
  if (!time?.leap) return time !== undefined;
  // RFC 3339, 5.7: at the end of June or December.
  const utc = new Date(Date.parse(`${date}T00:00:00Z`) + time.utcMinutes * 60_000);
  return /-(?:06-30|12-31)T/.test(utc.toISOString());
}

// RFC 3339, appendix A: units without gaps.
const TIME_PART = 'T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S)';
const DATE_PART = '(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)';
const DURATION = new RegExp(`^P(?:${DATE_PART}(?:${TIME_PART})?|${TIME_PART}|\\d+W)$`);

const LABEL = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i;

/** RFC 1123, section 2.1, with valid Punycode in labels that start with `xn--`. */
const isHostname = (text: string): boolean =>
  text.length <= 253 &&
  text.split('.').every((label) => LABEL.test(label) && (!/^xn--/i.test(label) || domainToUnicode(label) !== ''));

/** RFC 5890: the ASCII form is a host name. The separators are those of RFC 3490. */
function isIdnHostname(text: string): boolean {
  // domainToASCII also decodes percent signs and takes addresses.
  if (!/^(?:[\p{L}\p{M}\p{N}.·・׳״͵-]|[\u3002\uff0e\uff61]|\u200c|\u200d)+$/u.test(text)) return false;
  if (/(?:^|[.\u3002\uff0e\uff61])-|-(?:[.\u3002\uff0e\uff61]|$)/.test(text)) return false;
  const ascii = domainToASCII(text);
  return ascii !== '' && isHostname(ascii);
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const isIpv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');

const ATOM = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LOCAL = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|"(?:[ !#-\\[\\]-~]|\\\\[ -~])*")$`);
const IDN_ATOM = "(?:[\\w!#$%&'*+/=?^`{|}~-]|[\\u{80}-\\u{10ffff}])+";
const IDN_LOCAL = new RegExp(
  `^(?:${IDN_ATOM}(?:\\.${IDN_ATOM})*|"(?:[ !#-\\[\\]-~]|[\\u{80}-\\u{10ffff}]|\\\\[ -~])*")$`,
  'u',
);

/** RFC 5321's `Mailbox`, with the lengths of its section 4.5.3.1. */
function isMailbox(text: string, local: RegExp, isDomain: (text: string) => boolean): boolean {
  const split = text.lastIndexOf('@');
  if (split < 1 || Buffer.byteLength(text.slice(0, split)) > 64 || Buffer.byteLength(text) > 254) return false;
  if (!local.test(text.slice(0, split))) return false;
  const domain = text.slice(split + 1);
  const [, literal] = /^\[(.*)\]$/.exec(domain) ?? [];
  if (literal === undefined) return isDomain(domain);
  const [, address] = /^IPv6:(.*)$/i.exec(literal) ?? [];
  return address === undefined ? IPV4.test(literal) : isIpv6(address);
}

// RFC 3986, appendix A.
const PERCENT = '%[\\da-f]{2}';
const PCHAR = `(?:[\\w.~!$&'()*+,;=:@-]|${PERCENT})`;
const USER = `(?:(?:[\\w.~!$&'()*+,;=:-]|${PERCENT})*@)?`;
const HOST = `(?:\\[(?<ip>[^\\]]*)\\]|(?:[\\w.~!$&'()*+,;=-]|${PERCENT})*)`;
const PATHS = `(?://${USER}${HOST}(?::\\d*)?(?:/${PCHAR}*)*|/(?:${PCHAR}+(?:/${PCHAR}*)*)?|(?<rootless>${PCHAR}+)(?:/${PCHAR}*)*|)`;
const TAIL = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`;
const URI = new RegExp(`^(?<scheme>[a-z][a-z\\d+.-]*:)?${PATHS}${TAIL}$`, 'i');

function isUri(text: string, relative: boolean): boolean {
  const { scheme, ip, rootless } = URI.exec(text)?.groups ?? { scheme: '?' };
  if (scheme === '?') return false;
  if (ip !== undefined && !isIpv6(ip) && !/^v[\da-f]+\.[\w.~!$&'()*+,;=:-]+$/i.test(ip)) return false;
  // Without a scheme a colon in the first segment would make one.
  return scheme !== undefined || (relative && !rootless?.includes(':'));
}

// RFC 3987: characters beyond ASCII as their UTF-8 in percent signs, private ones only in a query.
function isIri(text: string, relative: boolean): boolean {
  if (/\p{Cs}/u.test(text)) return false;
  if (/[\x80-\x9f\ufff0-\uffff]|[\u{e0000}-\u{e0fff}]/u.test(text) || /^[^?]*\p{Co}|#.*\p{Co}/su.test(text))
    return false;
  return isUri(text.replace(/[\u{80}-\u{10ffff}]/gu, '%AA'), relative);
}

/** Formats by name. */
export const formats: Readonly<Record<string, RegExp | ((text: string) => boolean)>> = {
  date: isDate,
  time: (text) => timeOf(text) !== undefined,
  'date-time': isDateTime,
  duration: DURATION,
  hostname: isHostname,
  'idn-hostname': isIdnHostname,
  ipv4: IPV4,
  ipv6: isIpv6,
  email: (text) => isMailbox(text, LOCAL, isHostname),
  'idn-email': (text) => isMailbox(text, IDN_LOCAL, isIdnHostname),
  uri: (text) => isUri(text, false),
  'uri-reference': (text) => isUri(text, true),
  iri: (text) => isIri(text, false),
  'iri-reference': (text) => isIri(text, true),
  uuid: /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i,
};
