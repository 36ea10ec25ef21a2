import { get } from './api.js';
import { field, h, runAction } from './dom.js';
import { t } from './translations.js';

/**
 * Returns the editor of a type's variants, with their results.
 * @param {Array<{ name: string, weight: number, template: string }>} variants
 * @param {string | null} code
 */
export function variantRows(variants, code) {
  const rows = h('div', { class: 'stack' });
  const counts = h('div', {});
  const add = (/** @type {{ name: string, weight: number, template: string }} */ variant) => {
    const [name, weight, template] = [
      h('input', { value: variant.name, required: true }),
      h('input', { type: 'number', min: 0, value: variant.weight }),
      h('textarea', { rows: 2, value: variant.template, required: true, spellcheck: false }),
    ];
    const row = h(
      'fieldset',
      { class: 'stack' },
      h('legend', {}, t('Variant')),
      h(
        'div',
        { class: 'two' },
        field(t('Name'), name),
        field(t('Weight'), weight, t('share of the recipients, relative to the others')),
      ),
      field(t('Text'), template),
      h('button', { type: 'button', class: 'quiet', onclick: () => row.remove() }, t('Remove')),
    );
    row.value = () => ({
      name: name.value.trim(),
      weight: Number(weight.value),
      template: template.value,
    });
    rows.append(row);
  };
  variants.forEach(add);
  const next = () =>
    add({ name: String.fromCharCode(97 + rows.children.length), weight: 1, template: '' });
  const element = h(
    'div',
    { class: 'stack', 'data-field': 'variants' },
    h(
      'p',
      { class: 'muted' },
      t('For an A/B test: each recipient gets one of the variants instead of the text.'),
    ),
    counts,
    rows,
    h('div', {}, h('button', { type: 'button', onclick: next }, t('Add variant'))),
  );
  if (code && variants.length)
    void runAction(async () =>
      counts.replaceChildren(
        chart((await get(`types/${encodeURIComponent(code)}/variants`)).variants),
      ),
    );
  return {
    element,
    value: () => [...rows.children].map((row) => /** @type {any} */ (row).value()),
  };
}

/**
 * Returns the shares of seen, read and clicked notifications as bars.
 * @param {any[]} variants
 */
function chart(variants) {
  const share = (/** @type {number} */ part, /** @type {number} */ whole) =>
    whole ? Math.round((part / whole) * 1000) / 10 : 0;
  const bar = (
    /** @type {string} */ name,
    /** @type {number} */ part,
    /** @type {number} */ whole,
  ) => {
    const line = h(
      'div',
      { class: 'share' },
      h('span', {}, name),
      h('span', { class: 'track' }, h('span', { class: 'part' })),
      h('strong', {}, `${share(part, whole)} %`),
    );
    line.querySelector('.part').style.inlineSize = `${share(part, whole)}%`;
    return line;
  };
  return h(
    'div',
    { class: 'charts' },
    ...variants.map((one) =>
      h(
        'section',
        { class: 'card stack' },
        h(
          'h3',
          {},
          one.name,
          h(
            'small',
            {},
            t('{n} sent', { n: one.sent }),
            one.weight === null ? `, ${t('no longer used')}` : '',
          ),
        ),
        bar(t('seen'), one.seen, one.sent),
        bar(t('read'), one.read, one.sent),
        bar(t('clicked'), one.clicked, one.sent),
      ),
    ),
  );
}
