import { Refused, get } from './api.js';
import { field, h, runAction } from './dom.js';
import { timeText } from './settings.js';
import { t } from './translations.js';

/** Maximum numbers of events and of dead letters in the choice. */
const EVENTS_MAX = 10;
const LETTERS_MAX = '5';

/** @param {string} id */
const letterValue = (id) => JSON.stringify({ dead_letter: id });

/** @param {any} event */
const eventOption = ({ recipients: [first], received_at: at }) =>
  h(
    'option',
    { value: JSON.stringify({ event: first.notification_id }) },
    t('the event of {time} for {who}', { time: timeText(at), who: first.user_id }),
  );

/** @param {any} letter */
const letterOption = ({ id, received_at: at }) =>
  h('option', { value: letterValue(id) }, t('the dead letter of {time}', { time: timeText(at) }));

/**
 * Returns the dead letters to choose from: the latest ones with the code, and the wanted one.
 * @param {string} code
 * @param {string} wanted  ID of a dead letter; empty for none.
 * @returns {Promise<any[]>}
 */
async function deadLetters(code, wanted) {
  const { dead_letters: latest } = await get('dead-letters', { q: code, limit: LETTERS_MAX });
  const found = latest.filter((/** @type {any} */ letter) => !letter.truncated);
  if (!wanted || found.some((/** @type {any} */ letter) => letter.id === wanted)) return found;
  try {
    return [await get(`dead-letters/${encodeURIComponent(wanted)}`), ...found];
  } catch (error) {
    // It was replayed or discarded meanwhile.
    if (error instanceof Refused) return found;
    throw error;
  }
}

/**
 * Returns a choice of real events for the preview: recent ones, and dead letters. At first the
 * wanted dead letter is chosen, else the latest event.
 * @param {string | null} code
 * @param {string} wanted  ID of a dead letter; empty for none.
 * @param {() => void} changed
 * @param {() => boolean} mayChoose  Returns whether nothing else was chosen or typed meanwhile.
 */
export function recentEvents(code, wanted, changed, mayChoose) {
  let isAutomatic = false;
  const onchange = () => {
    isAutomatic = false;
    changed();
  };
  const none = h('option', { value: '' }, t('the test data below'));
  const choice = h('select', { onchange }, none);
  const element = field(t('Recent event'), choice);
  element.hidden = true;
  const load = async () => {
    const [{ events }, letters] = await Promise.all([
      get('explain', { type: code ?? '' }),
      deadLetters(code ?? '', wanted),
    ]);
    const taken = events
      .filter((/** @type {any} */ event) => event.recipients.length && event.outcome === 'accepted')
      .slice(0, EVENTS_MAX);
    choice.append(...taken.map(eventOption), ...letters.map(letterOption));
    element.hidden = choice.options.length < 2;
    const first = wanted
      ? [...choice.options].find((option) => option.value === letterValue(wanted))
      : taken.length && choice.options[1];
    if (!first || choice.value || !mayChoose()) return;
    choice.value = first.value;
    // What the reader asked for is not replaced, even if the draft does not fit it.
    isAutomatic = !wanted;
    changed();
  };
  if (code) void runAction(load);
  /** @returns {{ event?: string, dead_letter?: string } | null} */
  const chosen = () => (choice.value ? JSON.parse(choice.value) : null);
  /** Chooses the test data. */
  const reset = () => {
    choice.value = '';
    isAutomatic = false;
  };
  /**
   * Chooses the test data if the event cannot be shown: it is gone, or the reader has not chosen it.
   * Returns whether they are chosen now.
   */
  const giveUp = (/** @type {boolean} */ isGone) => {
    if (!isAutomatic && !(isGone && choice.value)) return false;
    reset();
    return true;
  };
  return { element, chosen, reset, giveUp };
}
