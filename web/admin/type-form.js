import { choice, field, h, split, when } from './dom.js';
import { ChannelFields } from './type-channels.js';
import { variantRows } from './variants.js';
import { t } from './translations.js';

const TARGETS = ['SELF', 'ACTOR', 'RECIPIENT', 'ADMIN', 'ROLE', 'USERS', 'ALL', 'FEED'];
const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH'];

/** Fields of a notification type. */
export class TypeForm {
  #type;
  #schedule;
  #inputs;
  #variants;
  #channels;

  /**
   * @param {any} type
   * @param {string | null} code  Null for a new type.
   * @param {string[]} configured  Names of the configured channels.
   */
  constructor(type, code, configured) {
    this.#type = type;
    this.#schedule =
      typeof type.schedule === 'string' ? { cron: type.schedule } : (type.schedule ?? {});
    this.#inputs = inputs(type, this.#schedule, code);
    this.#variants = variantRows(type.variants ?? [], code);
    this.#channels = new ChannelFields(type, configured);
    for (const [name, input] of Object.entries(this.#inputs)) input.dataset.field = name;
  }

  /** Chosen priority. */
  get priority() {
    return this.#inputs.priority.value;
  }

  /** Type as written in the form. */
  get draft() {
    const { code, display_name, template, target_type, target_role, ...more } = this.#inputs;
    return {
      ...this.#type,
      code: code.value.trim(),
      display_name: display_name.value,
      template: template.value,
      target_type: target_type.value,
      target_role: target_role.value || null,
      target_users: split(more.target_users.value),
      priority: more.priority.value,
      action_url: more.action_url.value || null,
      ttl_seconds: more.ttl_seconds.value ? Number(more.ttl_seconds.value) : null,
      variants: this.#variants.value(),
      schedule: this.#draftSchedule(),
      ...this.#channels.value(),
    };
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
    const { code, display_name, priority, template, ...more } = this.#inputs;
    const two = (/** @type {Node[]} */ ...fields) => h('div', { class: 'two' }, ...fields);
    const title = code.disabled ? code.value : t('New type');
    return [
      h('h2', {}, title),
      code.disabled ? null : field(t('Code'), code),
      two(field(t('Title'), display_name), field(t('Priority'), priority)),
      field(t('Template'), template, t('{name} is a field of the event.')),
      two(
        field(t('Recipients'), more.target_type),
        field(t('Role'), more.target_role, t('for ROLE')),
        field(t('Users'), more.target_users, t('for USERS, comma-separated')),
      ),
      two(field(t('Link'), more.action_url), field(t('Expires after (seconds)'), more.ttl_seconds)),
      ...this.#channels.elements,
      this.#variants.element,
      this.#scheduleFields(),
    ];
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
 * Returns the controls of a type.
 * @param {any} type
 * @param {any} schedule
 * @param {string | null} code
 */
function inputs(type, schedule, code) {
  return {
    code: h('input', {
      value: type.code ?? '',
      required: true,
      disabled: Boolean(code),
      placeholder: 'ORDER_SHIPPED',
      autocapitalize: 'characters',
    }),
    display_name: h('input', { value: type.display_name ?? '', required: true }),
    template: h('textarea', {
      value: type.template ?? '',
      required: true,
      rows: 3,
      spellcheck: false,
    }),
    target_type: choice(TARGETS, type.target_type),
    target_role: h('input', { value: type.target_role ?? '' }),
    target_users: h('input', { value: (type.target_users ?? []).join(', ') }),
    priority: choice(PRIORITIES, type.priority),
    action_url: h('input', { value: type.action_url ?? '', placeholder: '/orders/{order_id}' }),
    ttl_seconds: h('input', { type: 'number', min: 1, value: type.ttl_seconds ?? '' }),
    cron: h('input', { value: schedule.cron ?? '', placeholder: '0 18 * * *', spellcheck: false }),
    timezone: h('input', { value: schedule.timezone ?? '', placeholder: 'Asia/Jakarta' }),
    count: h('input', { value: schedule.count ?? '', placeholder: 'NOTE_CREATED' }),
  };
}
