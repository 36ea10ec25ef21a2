import { filled } from './messages.js';
import { element, icon } from './icons.js';

/** @import { Filter } from './matching.js' */
/** @import { Words } from './messages.js' */

/**
 * Returns the placeholder of an empty list.
 * @param {Words} words
 * @param {Filter} filter
 * @param {boolean} known  True if it is known that there is nothing.
 * @param {boolean} loading  True if that may be said while it is not known.
 */
export function emptyList(words, { tab, category, q }, known, loading) {
  const empty = element('div', 'empty');
  // It gets the focus when the last row goes.
  empty.tabIndex = -1;
  const filtered = q ? words.nothingFound : category ? words.nothingIn : '';
  empty.append(icon(q ? 'search' : 'bell'));
  const texts = {
    all: words.empty,
    unread: words.emptyUnread,
    snoozed: words.emptySnoozed,
    archived: words.emptyArchived,
  };
  const text = filtered ? filled(filtered, { q: q ?? '', category: category ?? '' }) : texts[tab];
  if (known) empty.append(element('strong', '', text));
  if (known && tab === 'all' && !filtered) empty.append(words.emptyHint);
  if (!known && loading) empty.append(element('strong', '', words.loading));
  return empty;
}
