import TEXT from './inbox.css';

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** Returns the stylesheet of the list and the settings, shared by all elements of a page. */
export function inboxStyles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}

export { View } from './view.js';
export { PreferencesView } from './preferences-view.js';
