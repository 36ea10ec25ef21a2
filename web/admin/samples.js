import { get } from './api.js';
import { field, h, runAction } from './dom.js';
import { timeText } from './settings.js';
import { t } from './translations.js';

/**
 * Returns a choice of real events for the preview: recent ones, and dead letters. The latest event
 * is chosen at first.
 * @param {string | null} code
 * @param {() => void} changed
 * @param {() => boolean} mayChoose  Returns whether nothing else was chosen or typed meanwhile.
 */
export function recentEvents(code, changed, mayChoose) {
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
    const [{ events }, { dead_letters: letters }] = await Promise.all([
      get('explain', { type: code ?? '' }),
      get('dead-letters', { q: code ?? '', limit: '5' }),
    ]);
    const taken = events
      .filter((/** @type {any} */ event) => event.recipients.length && event.outcome === 'accepted')
      .slice(0, 10);
    const time = (/** @type {string} */ at) => timeText(at);
    choice.append(
      ...taken.map((/** @type {any} */ event) =>
        h(
          'option',
          { value: JSON.stringify({ event: event.recipients[0].notification_id }) },
          t('the event of {time} for {who}', {
            time: time(event.received_at),
            who: event.recipients[0].user_id,
          }),
        ),
      ),
      ...letters
        .filter((/** @type {any} */ letter) => !letter.truncated)
        .map((/** @type {any} */ letter) =>
          h(
            'option',
            { value: JSON.stringify({ dead_letter: letter.id }) },
            t('the dead letter of {time}', { time: time(letter.received_at) }),
          ),
        ),
    );
    element.hidden = choice.options.length < 2;
    if (!taken.length || choice.value || !mayChoose()) return;
    choice.selectedIndex = 1;
    isAutomatic = true;
    changed();
  };
  if (code) void runAction(load);
  /** @returns {{ event?: string, dead_letter?: string } | null} */
  const chosen = () => (choice.value ? JSON.parse(choice.value) : null);
  /** Chooses the test data. Returns whether the event was not chosen by the reader. */
  const reset = () => {
    const was = isAutomatic;
    choice.value = '';
    isAutomatic = false;
    return was;
  };
  return { element, chosen, reset };
}
