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
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [unit, size] of STEPS) {
    if (Math.abs(amount) < size) return words.format(amount, unit);
    amount = Math.round(amount / size);
  }
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(then);
}
