import { choice, field, h, runAction, split, suggestions, when } from './dom.js';
import { priorityName, targetName, targetText } from './names.js';
import { knownRoles } from './recipients.js';
import { actionRows } from './type-actions.js';
import { ChannelFields } from './type-channels.js';
import { TypeTexts } from './type-texts.js';
import { variantRows } from './variants.js';
import { t } from './translations.js';

const TARGETS = ['SELF', 'ACTOR', 'RECIPIENT', 'ADMIN', 'ROLE', 'USERS', 'ALL', 'FEED'];
const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH'];

/** Fields of a notification type. */
export class TypeForm {
  /** Title and text, by language. */
  texts;
  #type;
  #code;
  #schedule;
  #inputs;
  #actions;
  #variants;
  #channels;
  /** Fields of targets that need more, by the target. @type {Record<string, HTMLElement>} */
  #ofTarget = {};

  /**
   * @param {any} type
   * @param {string | null} code  Null for a new type.
   * @param {{ channels: string[], locales: import('./type-texts.js').Locales }} known  Configured
   *   channels, and languages.
   * @param {() => void} changed  Called when another language is chosen.
   */
  constructor(type, code, { channels, locales }, changed) {
    this.#type = type;
    this.#code = code;
    this.#schedule =
      typeof type.schedule === 'string' ? { cron: type.schedule } : (type.schedule ?? {});
    this.#inputs = inputs(type, this.#schedule, code);
    this.texts = new TypeTexts(type, locales, changed);
    this.#actions = actionRows(type.actions ?? []);
    this.#variants = variantRows(type.variants ?? [], code);
    this.#channels = new ChannelFields(type, channels);
    for (const [name, input] of Object.entries(this.#inputs)) input.dataset.field = name;
  }

  /** Chosen priority. */
  get priority() {
    return this.#inputs.priority.value;
  }

  /** All templates, for which there must be test data. @returns {string[]} */
  get sources() {
    const { category, icon, actions, action_url, variants, email, translations } = this.draft;
    const mails = [
      email,
      ...Object.values(translations).map((/** @type {any} */ one) => one.email),
    ];
    return [
      ...this.texts.sources,
      category,
      icon,
      action_url,
      ...(actions ?? []).flatMap((/** @type {any} */ one) => [one.label, one.url]),
      ...variants.map((/** @type {any} */ one) => one.template),
      ...mails.flatMap((mail) => Object.values(mail ?? {})),
    ];
  }

  /** Type as written in the form. */
  get draft() {
    const { code, target_type, target_role, ...more } = this.#inputs;
    return {
      ...this.#type,
      ...this.texts.value(),
      ...this.#optional(),
      code: code.value.trim(),
      target_type: target_type.value,
      target_role: (target_type.value === 'ROLE' && target_role.value) || null,
      target_users: target_type.value === 'USERS' ? split(more.target_users.value) : [],
      priority: more.priority.value,
      mandatory: more.mandatory.checked,
      is_active: more.is_active.checked,
      action_url: more.action_url.value || null,
      ttl_seconds: more.ttl_seconds.value ? Number(more.ttl_seconds.value) : null,
      variants: this.#variants.value(),
      schedule: this.#draftSchedule(),
      ...this.#channels.value(),
    };
  }

  /** Members that are sent only if the type has them, or if they are filled in. */
  #optional() {
    const { category, icon, rich } = this.#inputs;
    const members = {
      category: category.value.trim() || null,
      icon: icon.value.trim() || null,
      rich: rich.checked,
      actions: this.#actions.value(),
    };
    const isSet = (/** @type {any} */ value) => (Array.isArray(value) ? value.length > 0 : value);
    return Object.fromEntries(
      Object.entries(members).filter(([name, value]) => name in this.#type || isSet(value)),
    );
  }

  #draftSchedule() {
    const { cron, timezone, count } = this.#inputs;
    if (!cron.value.trim()) return null;
    return {
      ...this.#schedule,
      cron: cron.value.trim(),
      timezone: timezone.value.trim() || 'UTC',
      count: count.value.trim() || undefined,
    };
  }

  /** Elements of the form. */
  get elements() {
    const { code, priority, rich, mandatory, is_active: active, ...more } = this.#inputs;
    const two = (/** @type {Node[]} */ ...fields) => h('div', { class: 'two' }, ...fields);
    const check = (/** @type {HTMLElement} */ box, /** @type {string} */ text) =>
      h('label', { class: 'check' }, box, h('span', {}, text));
    return [
      section(
        t('Text'),
        this.#code
          ? null
          : field(
              t('Code'),
              code,
              t('as the events name it, such as {example}', {
                example: 'ORDER_SHIPPED',
              }),
            ),
        ...this.texts.elements,
        check(rich, t('Bold and links in the text: **bold**, [text](url)')),
        two(
          field(t('Category'), more.category, t('a tab of the bell')),
          field(t('Icon'), more.icon, t('a URL; the preview shows those of this host')),
        ),
        field(t('Link'), more.action_url, t('opened by a click on the notification')),
        this.#actions.element,
      ),
      section(
        t('Recipients'),
        this.#targetFields(),
        two(
          field(t('Priority'), priority),
          field(t('Expires after (seconds)'), more.ttl_seconds, t('empty: never')),
        ),
        check(mandatory, t('Users cannot mute it')),
        check(active, t('On: its events make notifications')),
      ),
      section(t('Delivery'), ...this.#channels.elements, this.#scheduleFields()),
      section(t('Variants'), this.#variants.element),
    ];
  }

  /** Fields of the target; those of another target are hidden. */
  #targetFields() {
    const { target_type, target_role, target_users } = this.#inputs;
    this.#ofTarget = {
      ROLE: field(t('Role'), target_role),
      USERS: field(t('Users'), target_users, t('IDs, comma-separated.')),
    };
    const recipients = field(t('Recipients'), target_type, ' ');
    const arrange = () => {
      for (const [target, element] of Object.entries(this.#ofTarget))
        element.hidden = target_type.value !== target;
      recipients.querySelector('small').textContent = targetText(target_type.value);
    };
    target_type.addEventListener('change', arrange);
    arrange();
    return h('div', { class: 'two' }, recipients, ...Object.values(this.#ofTarget));
  }

  #scheduleFields() {
    const { cron, timezone, count } = this.#inputs;
    const { next_run } = this.#type;
    return h(
      'details',
      { open: Boolean(cron.value), 'data-field': 'schedule' },
      h('summary', {}, t('Schedule')),
      h(
        'div',
        { class: 'two' },
        field('Cron', cron, t('minute, hour, day, month, weekday')),
        field(t('Time zone'), timezone),
        field(t('Count of'), count, t('a type, for {count}; 0 sends nothing')),
      ),
      next_run ? h('p', { class: 'muted' }, `${t('Next run')}: `, when(next_run)) : null,
    );
  }
}

/**
 * Returns a group of fields.
 * @param {string} name
 * @param {...(Node | null)} children
 */
function section(name, ...children) {
  return h('section', { class: 'card stack', 'aria-label': name }, h('h2', {}, name), ...children);
}

/**
 * Returns the control of a role, which suggests those that are known.
 * @param {string} value
 */
function roleInput(value) {
  const input = h('input', { value, list: 'known-roles', autocomplete: 'off' });
  const suggest = async () => input.after(suggestions('known-roles', await knownRoles()));
  input.addEventListener('focus', () => void runAction(suggest), { once: true });
  return input;
}

/**
 * Returns the controls of a type.
 * @param {any} type
 * @param {any} schedule
 * @param {string | null} code
 */
function inputs(type, schedule, code) {
  const text = (/** @type {string} */ value, /** @type {string} */ placeholder) =>
    h('input', { value: value ?? '', placeholder, spellcheck: false });
  return {
    code: h('input', {
      value: type.code ?? '',
      required: true,
      disabled: Boolean(code),
      placeholder: 'ORDER_SHIPPED',
      autocapitalize: 'characters',
    }),
    is_active: h('input', { type: 'checkbox', checked: type.is_active !== false }),
    target_type: choice(TARGETS, type.target_type, {}, targetName),
    target_role: roleInput(type.target_role ?? ''),
    target_users: h('input', { value: (type.target_users ?? []).join(', ') }),
    priority: choice(PRIORITIES, type.priority, {}, priorityName),
    mandatory: h('input', { type: 'checkbox', checked: Boolean(type.mandatory) }),
    category: text(type.category, 'Orders'),
    icon: text(type.icon, '/icons/orders.svg'),
    rich: h('input', { type: 'checkbox', checked: Boolean(type.rich) }),
    action_url: text(type.action_url, '/orders/{order_id}'),
    ttl_seconds: h('input', { type: 'number', min: 1, value: type.ttl_seconds ?? '' }),
    cron: text(schedule.cron, '0 18 * * *'),
    timezone: text(schedule.timezone, 'Asia/Jakarta'),
    count: text(schedule.count, 'NOTE_CREATED'),
  };
}
