import TEXT from './styles.css';

/** @type {CSSStyleSheet | undefined} */
let sheet;

/**
 * Returns the stylesheet, shared by all bells of a page. A constructed stylesheet needs no
 * exception in the Content-Security-Policy.
 */
export function styles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}
