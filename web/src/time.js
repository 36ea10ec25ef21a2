/** @import { Words } from './messages.js' */

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const STEPS = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 7],
];

/**
 * Returns a relative time such as “2 minutes ago”; the date after a week.
 * @param {string} time  RFC 3339
 * @param {string} language
 * @param {number} now  Milliseconds since 1970-01-01T00:00:00Z.
 */
export function ago(time, language, now) {
  const then = Date.parse(time);
  if (Number.isNaN(then)) return '';
  let amount = Math.min(0, Math.round((then - now) / 1000));
  const words = relative(language);
  for (const [unit, size] of STEPS) {
    if (Math.abs(amount) < size) return words.format(amount, unit);
    amount = Math.round(amount / size);
  }
  return dates(language).format(then);
}

/**
 * Returns the day: today, yesterday, or the date.
 * @param {string} time  RFC 3339
 * @param {string} language
 * @param {number} now  Milliseconds since 1970-01-01T00:00:00Z.
 * @param {Words} words
 */
export function day(time, language, now, words) {
  const start = (/** @type {number} */ at) => new Date(at).setHours(0, 0, 0, 0);
  const then = Date.parse(time);
  if (start(then) === start(now)) return words.today;
  // Noon of the previous day, whatever its length.
  if (start(then) === start(start(now) - 12 * 3_600_000)) return words.yesterday;
  return dates(language).format(then);
}

/**
 * Returns the ends of a snooze that are offered: in an hour, tomorrow at 9, and next Monday at 9,
 * in local time.
 * @param {number} now
 */
export function snoozeEnds(now) {
  const at9 = (/** @type {number} */ days) => {
    const date = new Date(now);
    date.setDate(date.getDate() + days);
    date.setHours(9, 0, 0, 0);
    return date;
  };
  const toMonday = (8 - new Date(now).getDay()) % 7 || 7;
  return { hour: new Date(now + 3_600_000), tomorrow: at9(1), week: at9(toMonday) };
}

/**
 * Returns a date with its time, or the time alone.
 * @param {Date} time
 * @param {string} language
 * @param {'medium'} [dateStyle]
 */
export function clock(time, language, dateStyle) {
  return new Intl.DateTimeFormat(language, { dateStyle, timeStyle: 'short' }).format(time);
}

/** Cache of formatters, which are slow to create. @type {Map<string, any>} */
const cache = new Map();

/**
 * @param {string} key
 * @param {() => any} make
 */
function cached(key, make) {
  if (!cache.has(key)) cache.set(key, make());
  return cache.get(key);
}

/**
 * @param {string} language
 * @returns {Intl.RelativeTimeFormat}
 */
const relative = (language) =>
  cached(`r ${language}`, () => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));

/**
 * @param {string} language
 * @returns {Intl.DateTimeFormat}
 */
const dates = (language) =>
  cached(`d ${language}`, () => new Intl.DateTimeFormat(language, { dateStyle: 'medium' }));
