import { language } from './translations.js';

/** Keys of the settings in the local storage. */
const THEME_KEY = 'lonceng console theme';
const TIME_KEY = 'lonceng console time';

/** Choices of the theme. `auto` follows the system. */
export const THEMES = ['auto', 'light', 'dark'];

/** Choices of the times. */
export const TIMES = ['local', 'utc'];

/** Event of the window when the times change between UTC and local. */
export const TIMES_CHANGED = 'lonceng:times';

/**
 * @param {string} key
 * @param {string[]} values
 */
function stored(key, values) {
  const value = localStorage.getItem(key) ?? '';
  return values.includes(value) ? value : values[0];
}

/** Chosen theme. */
export const theme = () => stored(THEME_KEY, THEMES);

/** Whether times are shown in UTC or in the time zone of the browser. */
export const times = () => stored(TIME_KEY, TIMES);

/** Applies the theme to the page. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

/** @param {string} value */
export function chooseTheme(value) {
  localStorage.setItem(THEME_KEY, value);
  applyTheme();
  dispatchEvent(new Event('lonceng:theme'));
}

/**
 * Shows all times of the page in UTC or in the local time zone.
 * @param {string} value
 */
export function chooseTimes(value) {
  localStorage.setItem(TIME_KEY, value);
  for (const time of document.querySelectorAll('time')) time.textContent = timeText(time.dateTime);
  dispatchEvent(new Event(TIMES_CHANGED));
}

/**
 * Returns a time in the language of the console and in the chosen time zone.
 * @param {string | number} time
 * @param {Intl.DateTimeFormatOptions} [format]
 */
export function timeText(time, format = { dateStyle: 'medium', timeStyle: 'medium' }) {
  const isUtc = times() === 'utc';
  const text = new Date(time).toLocaleString(language, {
    ...format,
    timeZone: isUtc ? 'UTC' : undefined,
  });
  return isUtc ? `${text} UTC` : text;
}
