/** @typedef {{ id: string, login: string, role: string, kind: 'customer' | 'admin' }} Person */

/**
 * @param {string} id
 * @returns {HTMLTemplateElement}
 */
const template = (id) => /** @type {HTMLTemplateElement} */ (document.getElementById(id));

const asked = new URLSearchParams(location.search);

/** With `?user_id=` the page of one user, else both side by side. @type {Person[]} */
const people = asked.get('user_id')
  ? [
      {
        id: asked.get('user_id') ?? '',
        login: asked.get('login') ?? asked.get('user_id') ?? '',
        role: asked.get('role') ?? 'user',
        kind: asked.get('role') === 'admin' ? 'admin' : 'customer',
      },
    ]
  : [
      { id: 'budi', login: 'budi', role: 'user', kind: 'customer' },
      { id: 'admin', login: 'admin', role: 'admin', kind: 'admin' },
    ];

/**
 * Publishes an event, as any service would.
 * @param {object} event
 */
async function publish(event) {
  const response = await fetch('/api/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
}

/**
 * @param {Person} person
 * @param {string} what
 */
function eventOf(person, what) {
  const number = Math.random().toString(36).slice(2, 8);
  const other = person.id === 'admin' ? 'budi' : 'admin';
  switch (what) {
    case 'refund':
      return {
        type: 'REFUND_REQUESTED',
        user_id: person.id,
        refund_id: `ref-${number}`,
        order_id: '1042',
        amount: 100000,
      };
    case 'login':
      return {
        type: 'USER_LOGIN',
        user_id: person.id,
        device: browserName(),
        time: new Date().toLocaleTimeString('en', { timeStyle: 'short' }),
      };
    case 'note':
      return { type: 'NOTE_CREATED', user_id: person.id, title: `Shopping list ${number}` };
    default:
      return {
        type: 'NOTE_SHARED',
        actor_id: person.id,
        recipient_id: other,
        title: 'Shopping list',
      };
  }
}

function browserName() {
  const known = ['Firefox', 'Edg', 'Chrome', 'Safari'].find((name) =>
    navigator.userAgent.includes(name),
  );
  return known === 'Edg' ? 'Edge' : (known ?? 'a browser');
}

/**
 * @param {HTMLElement} desk
 * @param {any} notification
 */
function addRefund(desk, notification) {
  const { refund_id: id, amount } = notification.metadata;
  const list = /** @type {HTMLElement} */ (desk.querySelector('.refunds'));
  if (document.getElementById(`refund-${id}`)) return;
  /** @type {HTMLElement} */ (desk.querySelector('.nothing')).hidden = true;
  const row = document.createElement('li');
  row.id = `refund-${id}`;
  row.tabIndex = -1;
  const text = document.createElement('strong');
  const small = document.createElement('small');
  small.textContent = id;
  text.append(`Rp${Number(amount).toLocaleString('id-ID')}`, small);
  const decide = (
    /** @type {string} */ label,
    /** @type {object} */ event,
    /** @type {string} */ done,
  ) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    if (label === 'Approve') button.className = 'primary';
    button.onclick = async () => {
      await publish({ user_id: 'budi', actor_id: 'admin', refund_id: id, ...event });
      const said = document.createElement('span');
      said.className = `done ${done}`;
      said.textContent = done === 'rejected' ? 'Rejected' : 'Approved';
      row.replaceChildren(text, said);
    };
    return button;
  };
  row.append(
    text,
    decide('Approve', { type: 'REFUND_APPROVED' }, 'approved'),
    decide('Reject', { type: 'REFUND_REJECTED', reason: 'The lesson has taken place' }, 'rejected'),
  );
  list.prepend(row);
}

for (const person of people) {
  const desk = /** @type {HTMLElement} */ (template('desk').content.cloneNode(true))
    .firstElementChild;
  if (!(desk instanceof HTMLElement)) continue;
  desk.dataset.person = person.id;
  const put = (/** @type {string} */ selector, /** @type {string} */ text) => {
    /** @type {HTMLElement} */ (desk.querySelector(selector)).textContent = text;
  };
  put('.avatar', person.login.slice(0, 1));
  put('h2', person.login);
  put('.who span', person.kind === 'admin' ? 'Administrator' : 'Customer');
  /** @type {HTMLElement} */ (desk.querySelector('.body')).append(
    template(person.kind).content.cloneNode(true),
  );
  desk.addEventListener('click', (event) => {
    const what = event.target instanceof HTMLElement ? event.target.dataset.do : undefined;
    if (what) void publish(eventOf(person, what));
  });
  const bell = /** @type {HTMLElement} */ (desk.querySelector('lonceng-bell'));
  if (person.kind === 'admin') {
    bell.addEventListener('lonceng:notification', (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      if (detail.type_code === 'REFUND_REQUESTED') addRefund(desk, detail);
    });
    // The page shows refunds itself, so links do not leave it.
    bell.addEventListener('lonceng:action', (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      if (detail.entity_type !== 'refund') return;
      event.preventDefault();
      addRefund(desk, detail);
      const row = document.getElementById(`refund-${detail.entity_id}`);
      for (const other of desk.querySelectorAll('.shown')) other.classList.remove('shown');
      row?.classList.add('shown');
      row?.focus();
    });
  }
  // Two bells on one page have separate corners for their toasts.
  if (people.length > 1) {
    const narrow = matchMedia('(max-width: 48rem)').matches;
    bell.setAttribute(
      'toast-position',
      person.kind === 'customer' ? 'bottom-start' : narrow ? 'top-end' : 'bottom-end',
    );
  }
  for (const [name, value] of Object.entries({
    'user-id': person.id,
    login: person.login,
    'user-role': person.role,
  })) {
    bell.setAttribute(name, value);
  }
  document.getElementById('desks')?.append(desk);
}
