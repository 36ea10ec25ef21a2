import { Refused, call, get } from './api.js';
import { channelName } from './channels.js';
import { announce, button, field, guardClose, h, runAction } from './dom.js';
import { withFieldErrors } from './field-errors.js';
import { t } from './translations.js';

/** Members that are written; the others that the hub gives say the same in another form. */
const WRITTEN = ['muted_types', 'channels', 'quiet_hours', 'timezone', 'retention_days', 'digest'];

/** Channels that a user can switch off. */
const CHANNELS = ['email', 'push'];

/** @param {string} user */
const pathOf = (user) => `/api/v1/admin/users/${encodeURIComponent(user)}/preferences`;

/**
 * Returns a checkbox with its label.
 * @param {string} text
 * @param {boolean} checked
 */
function check(text, checked) {
  const box = h('input', { type: 'checkbox', checked });
  return { box, element: h('label', { class: 'check' }, box, h('span', {}, text)) };
}

/**
 * Returns checkboxes of the types that a user can mute.
 * @param {any[]} types
 * @param {string[]} muted
 */
function mutedTypes(types, muted) {
  const all = types
    .filter(({ mandatory, code }) => !mandatory || muted.includes(code))
    .map(({ code, display_name: name }) => ({ code, ...check(name, muted.includes(code)) }));
  const known = new Set(all.map(({ code }) => code));
  return {
    element: h(
      'fieldset',
      { 'data-field': 'muted_types' },
      h('legend', {}, t('Muted types')),
      h('div', { class: 'checks' }, ...all.map(({ element }) => element)),
    ),
    // What is muted and has no type now stays so.
    value: () => [
      ...muted.filter((code) => !known.has(code)),
      ...all.filter(({ box }) => box.checked).map(({ code }) => code),
    ],
  };
}

/**
 * Returns checkboxes of the channels, as far as the hub has them.
 * @param {any} wanted  Channels of the preferences.
 * @param {string[]} configured
 */
function channelBoxes(wanted, configured) {
  const all = CHANNELS.filter((name) => configured.includes(name)).map((name) => ({
    name,
    ...check(channelName(name), wanted?.[name]?.enabled !== false),
  }));
  const boxes = h('div', { class: 'checks' }, ...all.map(({ element }) => element));
  return {
    element: all.length ? h('fieldset', {}, h('legend', {}, t('Channels')), boxes) : null,
    value: () => ({
      ...wanted,
      ...Object.fromEntries(
        all.map(({ name, box }) => [name, { ...wanted?.[name], enabled: box.checked }]),
      ),
    }),
  };
}

/**
 * Saves the preferences of a user, unless they were changed in the meantime.
 * @param {string} user
 * @param {any} draft
 * @param {string | null} etag
 */
async function store(user, draft, etag) {
  try {
    const headers = etag ? { 'if-match': etag } : undefined;
    await call('PUT', pathOf(user), { body: draft, headers });
  } catch (error) {
    if (!(error instanceof Refused && error.status === 412)) throw error;
    const message = t(
      'These preferences were changed in the meantime. Close the dialog, and open it again.',
    );
    throw new Error(message, { cause: error });
  }
}

/**
 * Opens the preferences of a user, which an administrator may change.
 * @param {string} user
 * @param {() => Promise<void>} saved  Called after a change.
 */
export async function editPreferences(user, saved) {
  const [{ json: before, etag }, { types }, { channels }] = await Promise.all([
    call('GET', pathOf(user)),
    get('types'),
    get('channels'),
  ]);
  const kept = Object.fromEntries(
    WRITTEN.filter((name) => name in before).map((name) => [name, before[name]]),
  );
  const muted = mutedTypes(types, before.muted_types ?? []);
  const configured = channels.map((/** @type {any} */ one) => one.channel);
  const boxes = channelBoxes(before.channels, configured);
  const time = (/** @type {string} */ value) => h('input', { type: 'time', value });
  const [from, to] = [time(before.quiet_hours?.from ?? ''), time(before.quiet_hours?.to ?? '')];
  const draft = () => ({
    ...kept,
    muted_types: muted.value(),
    channels: boxes.value(),
    quiet_hours: from.value || to.value ? { from: from.value, to: to.value } : null,
  });
  const title = t('Preferences of {who}', { who: user });
  const dialog = h('dialog', { 'aria-label': title });
  const save = async () => {
    await store(user, draft(), etag);
    dialog.close();
    await saved();
    announce(t('The preferences of {who} are saved.', { who: user }));
  };
  const close = guardClose(dialog, draft);
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(() => withFieldErrors(dialog, save));
  };
  const hours = h(
    'fieldset',
    { 'data-field': 'quiet_hours' },
    h('legend', {}, t('Quiet hours')),
    h('div', { class: 'two' }, field(t('From'), from), field(t('Until'), to)),
    h('small', {}, t('Both empty: none.')),
  );
  const foot = h(
    'div',
    { class: 'bar foot' },
    h('button', { class: 'primary' }, t('Save')),
    button(t('Close'), close, { class: 'quiet' }),
  );
  const parts = [h('h2', {}, title), muted.element, boxes.element, hours, foot];
  dialog.append(h('form', { method: 'dialog', onsubmit }, ...parts));
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}
