import { upload } from './api.js';
import { announce, button, fill, h, runAction, table, tr } from './dom.js';
import { fieldName, fieldText } from './hub-text.js';
import { number, t } from './translations.js';

/** Address of the import. */
const PATH = '/api/v1/admin/directory/import';

/**
 * Returns the media type of a file with users.
 * @param {File} file
 */
const mediaType = ({ name }) => (/\.csv$/i.test(name) ? 'text/csv' : 'application/x-ndjson');

/** Import of users from a CSV or NDJSON file: a dry run first, then the import. */
export class DirectoryImport {
  element;
  #loaded;
  /** File that was checked. @type {File | null} */
  #checked = null;
  #bar = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': t('Uploaded') });
  #outcome = h('div', { class: 'stack', 'aria-live': 'polite' });
  #file = h('input', {
    type: 'file',
    accept: '.csv,.ndjson,.jsonl,.json',
    'aria-label': t('Upload users from a CSV or NDJSON file'),
  });
  #isComplete = h('input', { type: 'checkbox' });

  /** @param {() => Promise<void>} loaded  Called after an import. */
  constructor(loaded) {
    this.#loaded = loaded;
    const choose = (/** @type {File | undefined} */ file) =>
      file && void runAction(() => this.#check(file));
    this.#file.onchange = () => choose(this.#file.files[0]);
    // What was shown is not what would be done any more.
    this.#isComplete.onchange = () => choose(this.#checked ?? undefined);
    const drop = h(
      'div',
      { class: 'drop' },
      h('p', {}, t('Drop a CSV or NDJSON file here, or choose one.')),
      this.#file,
      h(
        'label',
        { class: 'check' },
        this.#isComplete,
        h('span', {}, t('The file is complete: remove the users who are not in it')),
      ),
      h(
        'small',
        {},
        t('CSV with a header: user_id, login, name, email, roles, locale, timezone.'),
        ' ',
        t('Several roles are separated by | or by ; (member|editor).'),
        ' ',
        t('NDJSON: one JSON object per line. Nothing is changed before you confirm.'),
      ),
    );
    drop.ondragover = (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      drop.classList.add('over');
    };
    drop.ondragleave = () => drop.classList.remove('over');
    drop.ondrop = (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      drop.classList.remove('over');
      choose(event.dataTransfer?.files[0]);
    };
    this.element = h(
      'section',
      { class: 'card stack', id: 'import', 'aria-label': t('Import') },
      h('h2', {}, t('Import')),
      drop,
      this.#bar,
      this.#outcome,
    );
  }

  /** Moves the focus here. */
  focus() {
    this.element.scrollIntoView({ block: 'center' });
    this.#file.focus();
  }

  /**
   * Uploads the file.
   * @param {File} file
   * @param {Record<string, string>} query
   */
  async #upload(file, query) {
    this.#bar.hidden = false;
    this.#bar.value = 0;
    try {
      const path = `${PATH}?${new URLSearchParams(query)}`;
      return await upload(path, file, mediaType(file), (share) => (this.#bar.value = share));
    } finally {
      this.#bar.hidden = true;
    }
  }

  #clear() {
    this.#checked = null;
    this.#outcome.replaceChildren();
  }

  /**
   * Shows what an import would do.
   * @param {File} file
   */
  async #check(file) {
    this.#clear();
    const mode = this.#isComplete.checked ? 'replace' : 'merge';
    const report = await this.#upload(file, { mode, dry_run: 'true' });
    this.#file.value = '';
    this.#checked = file;
    const { removed, failed } = report;
    const run = button(
      removed ? removalText(removed) : t('Import'),
      () => this.#run(file, report),
      {
        class: removed ? 'danger' : 'primary',
        disabled: !(report.created + report.changed + removed) || isUnsafe(report),
      },
    );
    const cancel = button(t('Cancel'), () => this.#clear(), { class: 'quiet' });
    fill(
      this.#outcome,
      h('h3', {}, t('{file}: what the import would do', { file: file.name })),
      counts(report),
      isUnsafe(report) ? h('p', { class: 'alert' }, unsafeText(failed)) : null,
      badLines(report),
      removedUsers(report),
      h('div', { class: 'bar' }, run, cancel),
    );
    run.focus();
  }

  /**
   * Imports the file, after a confirmation if that removes users.
   * @param {File} file
   * @param {any} checked  Report of the dry run.
   */
  async #run(file, { mode, removed }) {
    if (removed && !confirm(confirmation(removed))) return;
    const query = mode === 'replace' ? { mode, confirm: String(removed) } : { mode };
    const report = await this.#upload(file, /** @type {Record<string, string>} */ (query));
    this.#checked = null;
    this.#isComplete.checked = false;
    const n = report.created + report.changed;
    announce(n === 1 ? t('1 user imported.') : t('{n} users imported.', { n }));
    fill(
      this.#outcome,
      h('h3', {}, t('{file} is imported', { file: file.name })),
      counts(report),
      badLines(report),
    );
    await this.#loaded();
  }
}

/**
 * Returns whether an import would remove the users of lines that cannot be read.
 * @param {any} report
 */
const isUnsafe = ({ mode, failed }) => mode === 'replace' && failed > 0;

/** @param {number} failed */
const unsafeText = (failed) =>
  failed === 1
    ? t('Correct the line with an error first: its user would be removed.')
    : t('Correct the {n} lines with errors first: their users would be removed.', { n: failed });

/** @param {number} n */
const removalText = (n) =>
  n === 1 ? t('Import and remove 1 user') : t('Import and remove {n} users', { n });

/** @param {number} n */
const confirmation = (n) =>
  n === 1
    ? t('Remove 1 user from the directory? The inbox stays.')
    : t('Remove {n} users from the directory? Their inboxes stay.', { n });

/** @param {any} report */
function counts(report) {
  const names = [
    ['created', t('created')],
    ['changed', t('changed')],
    ['unchanged', t('unchanged')],
  ];
  if (report.mode === 'replace') names.push(['removed', t('removed')]);
  const tiles = names.map(([name, text]) =>
    h('div', { class: 'tile' }, h('strong', {}, number(report[name])), h('span', {}, text)),
  );
  return h('div', { class: 'tiles' }, ...tiles);
}

/**
 * Returns the users who would be removed.
 * @param {any} report
 */
function removedUsers({ removed, removed_users: users }) {
  if (!removed) return null;
  const title = t('Users who would be removed');
  const row = (/** @type {any} */ user) =>
    tr(
      h('td', { class: 'code' }, user.user_id),
      user.login ?? '–',
      user.name ?? '–',
      user.roles.join(', ') || '–',
    );
  const more = removed - users.length;
  return h(
    'div',
    { class: 'stack' },
    h('h3', {}, title),
    table(title, [t('ID'), t('Login'), t('Name'), t('Roles')], users.map(row), ''),
    more > 0 ? h('p', { class: 'muted' }, t('and {n} more', { n: more })) : null,
  );
}

/**
 * Returns the place of an error in a CSV file, or in another one.
 * @param {any} error
 */
function placeOf({ line, column, field }) {
  if (column) return t('Line {line}, column {column} ({field})', { line, column, field });
  return t('Line {line}', { line });
}

/** @param {any} report */
function badLines({ failed, errors }) {
  if (!errors.length) return null;
  const title = t('Lines that are left out');
  const reason = (/** @type {any} */ error) => {
    const text = fieldText(error);
    return error.field ? `${fieldName(error.field)}: ${text}` : text;
  };
  const row = (/** @type {any} */ error) =>
    tr(placeOf(error), h('td', { class: 'says' }, reason(error)));
  const alert =
    failed === 1
      ? t('1 line is invalid and is left out.')
      : t('{n} lines are invalid and are left out.', { n: failed });
  return h(
    'div',
    { class: 'stack' },
    h('p', { class: 'alert' }, alert),
    table(title, [t('Place in the file'), t('Reason')], errors.map(row), ''),
  );
}
