// Application that uses what @lonceng/react exports; packages.test.mjs looks at it.
import { StrictMode, useState } from 'react';
import type { ReactElement } from 'react';
import { Bell, LoncengProvider, useInbox, useNotification, useUnread } from '@lonceng/react';
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
  const inbox = useInbox({ tab });
  return (
    <section id="list" data-status={inbox.status} data-loaded={inbox.isLoaded}>
      <button onClick={() => setTab(tab === 'all' ? 'archived' : 'all')}>Other tab</button>
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
}

/** Page with a bell, a list of its own, and buttons that change the provider. */
export function App({ tokens, ...first }: AppProps): ReactElement {
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
              setAction(event.detail.action_url ?? 'none');
            }}
          />
          <Unread />
          <Last />
          <output id="action">{action}</output>
          <List />
        </LoncengProvider>
      )}
    </StrictMode>
  );
}
