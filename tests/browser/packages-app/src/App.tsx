// Application that uses what @lonceng/react exports; packages.test.mjs looks at it.
import { StrictMode, useState } from 'react';
import type { ReactElement } from 'react';
import {
  Bell,
  Inbox,
  LoncengProvider,
  Preferences,
  Toasts,
  useInbox,
  useNotification,
  useUnread,
} from '@lonceng/react';
import type { LoncengProviderProps, Notification, Tab } from '@lonceng/react';

function Unread() {
  return <output id="unread">{useUnread()}</output>;
}

function Last() {
  const [last, setLast] = useState<Notification | null>(null);
  useNotification(setLast);
  return <output id="last">{last?.message}</output>;
}

function List() {
  const [tab, setTab] = useState<Tab>('all');
  const [q, setQ] = useState('');
  const inbox = useInbox({ tab, q });
  return (
    <section id="list" data-status={inbox.status} data-loaded={inbox.isLoaded}>
      <button onClick={() => setTab(tab === 'all' ? 'archived' : 'all')}>Other tab</button>
      <input aria-label="Find" value={q} onChange={(event) => setQ(event.target.value)} />
      <button onClick={inbox.markAllRead}>Read all</button>
      <button onClick={() => void inbox.loadMore()} disabled={!inbox.hasMore}>
        More
      </button>
      <ul>
        {inbox.items.map((item) => (
          <li key={item.notification_id} data-status={item.status}>
            {item.message}
            <button onClick={() => inbox.markRead(item.notification_id)}>Read</button>
            <button onClick={() => inbox.archive(item.notification_id)}>Archive</button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export interface AppProps extends LoncengProviderProps {
  /** Token endpoint that `getToken` asks. */
  tokens?: string;
  /** Elements to show besides the bell. */
  all?: string;
}

/** A row of the application's own for one kind of notification. */
function renderItem(item: Notification): HTMLElement | null {
  if (item.type_code !== 'NOTE_CREATED') return null;
  const row = document.createElement('em');
  row.textContent = `Mine: ${item.message}`;
  return row;
}

/** Page with a bell, a list of its own, and buttons that change the provider. */
export function App({ tokens, all, ...first }: AppProps): ReactElement {
  const [props, setProps] = useState(first);
  const [mounted, setMounted] = useState(true);
  const [renders, setRenders] = useState(0);
  const [action, setAction] = useState('');
  // Another function in each render.
  const getToken = tokens ? async () => (await fetch(tokens)).text() : undefined;
  return (
    <StrictMode>
      <button onClick={() => setMounted(!mounted)}>Mount</button>
      <button onClick={() => setProps({ ...props, userId: 'other' })}>Other user</button>
      <button onClick={() => setRenders(renders + 1)}>Render {renders}</button>
      {mounted && (
        <LoncengProvider {...props} getToken={getToken}>
          <Bell
            className="mine"
            placement="bottom-start"
            maxToasts={2}
            onAction={(event) => {
              event.preventDefault();
              setAction(event.url ?? 'none');
            }}
          />
          {all && (
            <>
              <div style={{ height: 300 }}>
                <Inbox className="page" renderItem={renderItem} />
              </div>
              <Toasts toastPosition="top-start" />
              <Preferences />
            </>
          )}
          <Unread />
          <Last />
          <output id="action">{action}</output>
          <List />
        </LoncengProvider>
      )}
    </StrictMode>
  );
}
