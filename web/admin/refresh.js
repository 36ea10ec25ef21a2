import { h } from './dom.js';
import { timeText } from './settings.js';
import { t } from './translations.js';

/** Number of intervals after which a request without an answer is noted. */
const SLOW = 3;

/**
 * Draws a page again and again. While that fails, a note below its heading says since when the page
 * is out of date, and why.
 * @param {HTMLElement} place
 * @param {() => Promise<void>} draw  Has drawn the page just now.
 * @param {number} interval  In milliseconds.
 * @returns {() => void}  Ends it.
 */
export function refreshing(place, draw, interval) {
  const note = h('p', { class: 'alert', role: 'alert' });
  let since = Date.now();
  let isDrawing = false;
  const warn = (/** @type {string} */ why) => {
    const text = t('Not refreshed since {time}: {why}', { time: timeText(since), why });
    if (note.textContent !== text) note.textContent = text;
    if (!note.isConnected) place.querySelector('h1')?.after(note);
  };
  const turn = async () => {
    if (isDrawing) {
      if (Date.now() - since > SLOW * interval) warn(t('no answer in time'));
      return;
    }
    isDrawing = true;
    try {
      await draw();
      since = Date.now();
      note.remove();
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
    } finally {
      isDrawing = false;
    }
  };
  const timer = setInterval(() => void turn(), interval);
  return () => clearInterval(timer);
}
