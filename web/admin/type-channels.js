import { field, h } from './dom.js';
import { channelName } from './channels.js';
import { t } from './translations.js';

/** @typedef {{ after: string, unless?: string, channels: string[] }} Escalation */

/** Channels that every hub knows. */
const KNOWN = ['web', 'email', 'push'];

/**
 * Returns checkboxes of channels: the known ones, the configured webhooks, and the chosen ones.
 * @param {string[]} chosen
 * @param {string[]} configured
 * @param {string[]} known
 */
function channelBoxes(chosen, configured, known) {
  const webhooks = configured.filter((channel) => channel.startsWith('webhook:'));
  const names = [...new Set([...known, ...webhooks, ...chosen])];
  const boxes = names.map((value) =>
    h('input', { type: 'checkbox', value, checked: chosen.includes(value) }),
  );
  const isOff = (/** @type {string} */ name) => name !== 'web' && !configured.includes(name);
  const labels = names.map((name, at) =>
    h(
      'label',
      { class: 'check' },
      boxes[at],
      h('span', {}, channelName(name)),
      isOff(name) ? h('small', {}, t('not configured')) : null,
    ),
  );
  const value = () => {
    const on = boxes.filter((box) => box.checked).map((box) => box.value);
    // The order of the type stays, so that an unchanged list is equal to the one of the file.
    const kept = chosen.filter((channel) => on.includes(channel));
    return [...kept, ...on.filter((channel) => !chosen.includes(channel))];
  };
  return { element: h('div', { class: 'checks' }, ...labels), value };
}

/** Fields of a type for its channels. */
export class ChannelFields {
  #configured;
  #channels;
  #inputs;
  #steps = h('div', { class: 'stack' });
  #hasMore;

  /**
   * @param {any} type
   * @param {string[]} configured  Names of the configured channels.
   */
  constructor(type, configured) {
    this.#configured = configured;
    this.#channels = channelBoxes(type.channels ?? [], configured, KNOWN);
    const input = (/** @type {string} */ name, /** @type {string} */ placeholder) =>
      h('input', {
        'data-field': name,
        value: type[name] ?? '',
        placeholder,
        spellcheck: false,
      });
    this.#inputs = {
      digest: input('digest', '0 18 * * *'),
      group_by: input('group_by', 'order_id'),
      group_window: input('group_window', '1h'),
    };
    const steps = type.escalate ?? [];
    this.#hasMore = steps.length > 0 || Boolean(type.digest || type.group_by);
    for (const step of steps) this.#add(step);
  }

  /** Members of the type as written in the form. */
  value() {
    const { digest, group_by, group_window } = this.#inputs;
    return {
      channels: this.#channels.value(),
      escalate: [...this.#steps.children].map((row) => /** @type {any} */ (row).value()),
      digest: digest.value.trim() || null,
      group_by: group_by.value.trim() || null,
      group_window: group_window.value.trim() || null,
    };
  }

  /** @param {Escalation} step */
  #add(step) {
    const after = h('input', { value: step.after, required: true, placeholder: '10m' });
    const option = (/** @type {string} */ value, /** @type {string} */ text) =>
      h('option', { value, selected: value === step.unless }, text);
    const unless = h('select', {}, option('seen', t('seen')), option('read', t('read')));
    const known = KNOWN.filter((channel) => channel !== 'web');
    const channels = channelBoxes(step.channels, this.#configured, known);
    const row = h(
      'fieldset',
      { class: 'stack' },
      h('legend', {}, t('Escalation')),
      h(
        'div',
        { class: 'two' },
        field(t('After'), after, t('a duration, such as 10m')),
        field(t('Unless'), unless),
      ),
      channels.element,
      h('button', { type: 'button', class: 'quiet', onclick: () => row.remove() }, t('Remove')),
    );
    row.value = () => ({
      after: after.value.trim(),
      unless: unless.value,
      channels: channels.value(),
    });
    this.#steps.append(row);
  }

  /** Elements of the form. */
  get elements() {
    const { digest, group_by, group_window } = this.#inputs;
    const channels = h(
      'fieldset',
      { 'data-field': 'channels' },
      h('legend', {}, t('Channels')),
      this.#channels.element,
    );
    const add = () => this.#add({ after: '', unless: 'seen', channels: [] });
    const escalations = h(
      'div',
      { class: 'stack', role: 'group', 'data-field': 'escalate', 'aria-label': t('Escalations') },
      h('p', { class: 'muted' }, t('A channel in an escalation is used only after its delay.')),
      this.#steps,
      h('div', {}, h('button', { type: 'button', onclick: add }, t('Add escalation'))),
    );
    const more = h(
      'details',
      { open: this.#hasMore },
      h('summary', {}, t('Digest, grouping and escalation')),
      h(
        'div',
        { class: 'stack' },
        h(
          'div',
          { class: 'two' },
          field(t('Digest'), digest, t('collects e-mails: cron, or a duration')),
          field(t('Group by'), group_by, t('a field of the event')),
          field(t('Group window'), group_window, t('a duration; 1h if empty')),
        ),
        escalations,
      ),
    );
    return [channels, more];
  }
}
