/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const STEPS = [['second', 60], ['minute', 60], ['hour', 24], ['day', 7]];

/**
 * How long ago, in words; the date for what is more than a week old.
 * @param {string} time  RFC 3339
 * @param {string} language
 * @param {number} now  milliseconds since 1970
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
 * The day, in words.
 * @param {string} time  RFC 3339
 * @param {string} language
 * @param {number} now  milliseconds since 1970
 * @param {import('./messages.js').Words} words
 */
export function day(time, language, now, words) {
  const start = (/** @type {number} */ at) => new Date(at).setHours(0, 0, 0, 0);
  const then = Date.parse(time);
  if (start(then) === start(now)) return words.today;
  // Noon of the day before, however long that day was.
  if (start(then) === start(start(now) - 12 * 3_600_000)) return words.yesterday;
  return dates(language).format(then);
}

/** Formats are slow to make. @type {Map<string, any>} */
const made = new Map();

/** @param {string} key @param {() => any} make */
function once(key, make) {
  if (!made.has(key)) made.set(key, make());
  return made.get(key);
}

/** @param {string} language @returns {Intl.RelativeTimeFormat} */
const relative = (language) => once(`r ${language}`, () => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));

/** @param {string} language @returns {Intl.DateTimeFormat} */
const dates = (language) => once(`d ${language}`, () => new Intl.DateTimeFormat(language, { dateStyle: 'medium' }));
