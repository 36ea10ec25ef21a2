import { times } from './settings.js';

/** Length of the time in a field, to the minute. */
const MINUTES = 'YYYY-MM-DDTHH:MM'.length;

/**
 * Returns the time of a field in RFC 3339; empty for none.
 * @param {string} value
 * @param {string} [zone]
 */
export function timeOf(value, zone = times()) {
  if (!value) return '';
  return new Date(zone === 'utc' ? `${value}Z` : value).toISOString();
}

/**
 * Returns the value of a field with a time.
 * @param {string | null} time  RFC 3339; null for none.
 */
export function fieldOf(time) {
  const date = new Date(time ?? '');
  if (Number.isNaN(date.getTime())) return '';
  const offset = times() === 'utc' ? 0 : date.getTimezoneOffset() * 60_000;
  return new Date(date.getTime() - offset).toISOString().slice(0, MINUTES);
}
