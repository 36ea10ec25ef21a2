import { t } from './translations.js';

/**
 * Returns whether the page has changes that are not saved.
 * @type {(() => boolean) | null}
 */
let isChanged = null;

/**
 * Asks before the page is left while it has changes that are not saved.
 * @param {(() => boolean) | null} check  Null when the page may be left.
 */
export function guardPage(check) {
  isChanged = check;
}

/** Returns whether the page may be left; asks if there are changes. */
export function mayLeave() {
  if (isChanged?.() && !confirm(t('Discard your changes?'))) return false;
  isChanged = null;
  return true;
}

addEventListener('beforeunload', (event) => {
  if (isChanged?.()) event.preventDefault();
});
