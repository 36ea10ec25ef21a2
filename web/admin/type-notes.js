import { changes } from './audit.js';
import { h } from './dom.js';
import { t } from './translations.js';

/**
 * Returns notes about a type: that it is off, and how it differs from config.toml.
 * @param {any} type
 * @returns {HTMLElement[]}
 */
export function typeNotes(type) {
  return [type.is_active ? null : offNote(), fileNote(type)].filter((note) => note !== null);
}

function offNote() {
  return h(
    'p',
    { class: 'note' },
    h('strong', {}, t('This type is off.')),
    ' ',
    t('Its events make no notification. The box at “Recipients” switches it on.'),
  );
}

/** @param {any} type */
function fileNote({ origin, file, file_says: says, ...type }) {
  if (origin !== 'admin' || !file) return null;
  const names = Object.keys(says ?? {});
  const isSame = !names.length;
  const text = isSame
    ? t('It is as in config.toml, but later changes of the file do not reach it.')
    : t('It was changed here, and differs from config.toml. Changes of the file do not reach it.');
  const reset = t('“Reset to config.toml” below uses the file again.');
  const after = Object.fromEntries(names.map((name) => [name, type[name]]));
  return h(
    'div',
    { class: 'note stack' },
    h('p', {}, text, ' ', reset),
    isSame
      ? null
      : h('details', {}, h('summary', {}, t('File and table')), changes({ before: says, after })),
  );
}
