import { element } from './icons.js';
import { safeUrl } from './links.js';

/** @import { Notification } from './inbox.js' */

/** Number of hues of the initials. */
const HUES = 6;

/**
 * Returns the picture of a notification: its icon, or initials in a color of its type if there is
 * none or it cannot be loaded. It is hidden from screen readers, which read the title.
 * @param {Notification} item
 */
export function avatarOf(item) {
  const box = element('span', 'avatar');
  box.ariaHidden = 'true';
  const url = safeUrl(item.icon ?? null);
  const initials = () => {
    let hash = 0;
    for (const char of item.category ?? item.type_code ?? '')
      hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 997;
    box.dataset.hue = String(hash % HUES);
    box.textContent = initialsOf(item.title);
  };
  if (!url) {
    initials();
    return box;
  }
  const image = element('img');
  image.alt = '';
  image.loading = 'lazy';
  image.decoding = 'async';
  image.referrerPolicy = 'no-referrer';
  image.onerror = initials;
  image.src = url;
  box.append(image);
  return box;
}

/**
 * Returns the first letters of the first two words.
 * @param {string} text
 */
export function initialsOf(text) {
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words
    .slice(0, 2)
    .map((word) => [...word][0].toLocaleUpperCase())
    .join('');
}
