import { upload } from './api.js';
import { announce, button, fill, h, runAction, table, tr } from './dom.js';
import { t } from './translations.js';

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
  #bar = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': t('Uploaded') });
  #outcome = h('div', { class: 'stack', 'aria-live': 'polite' });
  #file = h('input', {
    type: 'file',
    accept: '.csv,.ndjson,.jsonl,.json',
    'aria-label': t('Upload users from a CSV or NDJSON file'),
  });

  /** @param {() => Promise<void>} loaded  Called after an import. */
  constructor(loaded) {
    this.#loaded = loaded;
    const choose = (/** @type {File | undefined} */ file) =>
      file && void runAction(() => this.#check(file));
    this.#file.onchange = () => choose(this.#file.files[0]);
    const drop = h(
      'div',
      { class: 'drop' },
      h('p', {}, t('Drop a CSV or NDJSON file here, or choose one.')),
      this.#file,
      h(
        'small',
        {},
        t('CSV with a header: user_id, login, name, email, roles (a|b), locale, timezone.'),
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
   * @param {boolean} dryRun
   */
  async #upload(file, dryRun) {
    this.#bar.hidden = false;
    this.#bar.value = 0;
    try {
      return await upload(
        dryRun ? `${PATH}?dry_run=true` : PATH,
        file,
        mediaType(file),
        (share) => (this.#bar.value = share),
      );
    } finally {
      this.#bar.hidden = true;
    }
  }

  /**
   * Shows what an import would do.
   * @param {File} file
   */
  async #check(file) {
    this.#outcome.replaceChildren();
    const report = await this.#upload(file, true);
    this.#file.value = '';
    const valid = report.created + report.changed;
    const run = button(t('Import'), () => this.#import(file), {
      class: 'primary',
      disabled: valid === 0,
    });
    const cancel = button(t('Cancel'), () => this.#outcome.replaceChildren(), { class: 'quiet' });
    fill(
      this.#outcome,
      h('h3', {}, t('{file}: what the import would do', { file: file.name })),
      counts(report),
      badLines(report),
      h('div', { class: 'bar' }, run, cancel),
    );
    run.focus();
  }

  /** @param {File} file */
  async #import(file) {
    const report = await this.#upload(file, false);
    const n = report.created + report.changed;
    announce(t('{n} users imported.', { n: n.toLocaleString() }));
    fill(
      this.#outcome,
      h('h3', {}, t('{file} is imported', { file: file.name })),
      counts(report),
      badLines(report),
    );
    await this.#loaded();
  }
}

/** @param {any} report */
function counts(report) {
  const names = [
    ['created', t('created')],
    ['changed', t('changed')],
    ['unchanged', t('unchanged')],
  ];
  const tiles = names.map(([name, text]) =>
    h(
      'div',
      { class: 'tile' },
      h('strong', {}, report[name].toLocaleString()),
      h('span', {}, text),
    ),
  );
  return h('div', { class: 'tiles' }, ...tiles);
}

/** @param {{ failed: number, errors: Array<{ line: number, detail: string }> }} report */
function badLines({ failed, errors }) {
  if (!errors.length) return null;
  const title = t('Lines that are left out');
  const rows = errors.map(({ line, detail }) => tr(String(line), detail));
  return h(
    'div',
    { class: 'stack' },
    h('p', { class: 'alert' }, t('{n} lines are invalid and are left out.', { n: failed })),
    table(title, [t('Line'), t('Reason')], rows, ''),
  );
}
