import { element } from './icons.js';
import { safeLink } from './links.js';

/** @import { Notification } from './inbox.js' */

/**
 * Piece of a message.
 *
 * @typedef {object} Piece
 * @property {string} text
 * @property {boolean} bold
 * @property {string} [url]  Link that is safe to follow.
 */

/** Maximum length of the URL of a link, in characters. */
const URL_MAX = 2_048;

/**
 * Parses the markup of a message: `**bold**`, `[text](url)`, and a backslash before a character
 * that stands for itself. All other text is plain, and so is a link that is not safe to follow.
 * @param {string} markup
 * @returns {Piece[]}
 */
export function parseMarkup(markup) {
  /** @type {Piece[]} */
  const pieces = [];
  parse(markup, { bold: false }, pieces);
  return pieces;
}

/**
 * @param {string} markup
 * @param {{ bold: boolean, url?: string, link?: boolean }} style
 * @param {Piece[]} pieces
 */
function parse(markup, style, pieces) {
  let text = '';
  const flush = () => {
    if (text) pieces.push({ text, bold: style.bold, ...(style.url && { url: style.url }) });
    text = '';
  };
  for (let at = 0; at < markup.length; at += 1) {
    const char = markup[at];
    if (char === '\\' && at + 1 < markup.length) {
      at += 1;
      text += markup[at];
      continue;
    }
    const end = char === '*' && !style.bold ? boldEnd(markup, at) : -1;
    const link = char === '[' && !style.link ? linkAt(markup, at) : null;
    if (end > 0) {
      flush();
      parse(markup.slice(at + 2, end), { ...style, bold: true }, pieces);
      at = end + 1;
    } else if (link) {
      flush();
      parse(link.label, { ...style, link: true, url: link.url }, pieces);
      at = link.end;
    } else text += char;
  }
  flush();
}

/**
 * Returns the index of the `**` that ends the bold text at an index; -1 if there is none.
 * @param {string} markup
 * @param {number} start
 */
function boldEnd(markup, start) {
  if (markup[start + 1] !== '*') return -1;
  for (let at = start + 2; at < markup.length; at += 1) {
    if (markup[at] === '\\') at += 1;
    else if (markup.startsWith('**', at)) return at > start + 2 ? at : -1;
  }
  return -1;
}

/**
 * Returns the link at an index, if it is safe to follow.
 * @param {string} markup
 * @param {number} start
 */
function linkAt(markup, start) {
  const middle = indexOf(markup, start + 1, ']', '[');
  const label = markup.slice(start + 1, middle);
  if (middle < 0 || !label || markup[middle + 1] !== '(') return null;
  const end = indexOf(markup.slice(0, middle + 2 + URL_MAX), middle + 2, ')');
  if (end < 0) return null;
  const url = safeLink(markup.slice(middle + 2, end).replace(/\\([^])/g, '$1'));
  return url && { label, url, end };
}

/**
 * Returns the index of a character that is not escaped, before another one; -1 if there is none.
 * @param {string} markup
 * @param {number} from
 * @param {string} wanted
 * @param {string} [stop]
 */
function indexOf(markup, from, wanted, stop) {
  for (let at = from; at < markup.length; at += 1) {
    if (markup[at] === '\\') at += 1;
    else if (markup[at] === wanted) return at;
    else if (markup[at] === stop) return -1;
  }
  return -1;
}

/**
 * Returns the message of a notification as an element: bold text and links if its type has them,
 * else the plain text. Data is never parsed as HTML.
 * @param {Notification} item
 * @param {(event: MouseEvent, url: string) => void} follow  Called when a link is pressed.
 */
export function messageOf(item, follow) {
  const made = element('span', 'text');
  made.dir = 'auto';
  if (typeof item.rich !== 'string') {
    made.textContent = item.message;
    return made;
  }
  for (const { text, bold, url } of parseMarkup(item.rich)) {
    const inner = bold ? element('b', '', text) : text;
    if (!url) {
      made.append(inner);
      continue;
    }
    const link = element('a', 'link');
    link.href = url;
    link.append(inner);
    link.onclick = link.onauxclick = (event) => follow(event, url);
    made.append(link);
  }
  return made;
}
