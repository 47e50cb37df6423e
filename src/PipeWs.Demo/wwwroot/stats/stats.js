// What the hub is doing, asked every second and painted as it comes.

import { compact, make, setText } from '../format.js';

const byId = id => document.getElementById(id);
const root = document.documentElement;
const interval = 1_000;
const spark = [];
const sparkPoints = 120;
let before = null;

const whole = value => new Intl.NumberFormat('en-US').format(value);
const rate = value => (value < 10 ? value.toFixed(1) : whole(Math.round(value)));

function bytes(value) {
  let unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function span(seconds) {
  const parts = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']];
  const words = [];
  for (const [size, name] of parts) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) {
      words.push(`${count} ${name}`);
    }
  }
  return words.slice(0, 2).join(' ') || '0 s';
}

async function ask() {
  const started = performance.now();
  try {
    const answer = await fetch('../ws/stats?rooms=100', { cache: 'no-store', signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) {
      throw new Error(`answered ${answer.status}`);
    }
    paint(await answer.json(), started);
    show('connected', 'Live');
  } catch (error) {
    before = null;
    show('offline', error.name === 'TimeoutError' ? 'No answer' : 'Not reached');
  }
  setTimeout(ask, Math.max(0, interval - (performance.now() - started)));
}

function show(state, text) {
  byId('state').dataset.state = state;
  setText(byId('state-text'), text);
}

function paint(stats, now) {
  const { connections, rates, totals, rooms } = stats;
  setText(byId('uptime'), `Up for ${span(stats.uptimeSeconds)}`);
  setText(byId('connections'), whole(connections.open));
  setText(byId('connections-sub'), `of ${whole(connections.max)}, ${whole(connections.opened)} so far`);
  setText(byId('messages-in'), rate(rates.messagesReceivedPerSecond));
  setText(byId('messages-in-sub'), `${whole(totals.messagesReceived)} in all`);
  setText(byId('messages-out'), rate(rates.messagesSentPerSecond));
  setText(byId('messages-out-sub'), `${whole(totals.messagesSent)} in all`);
  setText(byId('bytes-in'), bytes(rates.bytesReceivedPerSecond));
  setText(byId('bytes-in-sub'), `${bytes(totals.bytesReceived)} in all`);
  setText(byId('bytes-out'), bytes(rates.bytesSentPerSecond));
  setText(byId('bytes-out-sub'), `${bytes(totals.bytesSent)} in all`);
  setText(byId('rooms-count'), whole(rooms.count));
  setText(byId('rooms-sub'), `${whole(rooms.members)} members`);
  setText(byId('rooms-shown'), rooms.list.length < rooms.count ? `The ${rooms.list.length} largest of ${whole(rooms.count)}` : 'By members');
  paintSpark(totals.messagesSent, now);
  table(byId('rooms'), rooms.list, room => room.name, room => [
    whole(room.members), whole(room.head), whole(room.logMessages), bytes(room.logBytes), whole(room.maxLagMessages), whole(room.slowConsumers), room.epoch,
  ]);
  table(byId('shards'), stats.shards, (_, index) => String(index), shard => [
    whole(shard.connections) + (shard.queued ? ' (queued)' : ''), compact(shard.messagesSent), bytes(shard.bytesSent), compact(shard.walks), compact(shard.servedMembers), whole(shard.handOvers),
  ]);
  paintCompression(stats.compression);
  const { slowConsumers: slow } = stats.drops;
  list(byId('drops'), [
    ['Too slow: disconnected', slow.disconnect],
    ['Too slow: skipped to the head', slow.skip],
    ['Too slow: conflated', slow.conflate],
    ['Too slow: unsubscribed', slow.unsubscribe],
    ['Gaps', stats.drops.gaps],
    ['Messages left out by gaps', stats.drops.skippedMessages],
    ['Messages over a rate limit', stats.drops.rateLimited],
    ['Exceptions of handlers', stats.errors.handlers],
    ['Exceptions of hooks', stats.errors.hooks],
  ]);
  list(byId('ends'), [
    ...Object.entries(connections.closed).map(([code, count]) => [`Closed with ${code}`, count]),
    ...Object.entries(connections.refused).map(([limit, count]) => [`Refused by ${limit}`, count]),
  ], 'Nobody has left, and nobody was refused.');
}

// Only where somebody agreed on it: a hub compresses nothing until it is told to.
function paintCompression(compression) {
  byId('compression-panel').hidden = compression.opened === 0;
  list(byId('compression'), [
    ['Connections that compress', compression.open],
    ['Messages in, compressed', compression.messagesReceived],
    ['Their bytes, of how many', `${bytes(compression.compressedBytesReceived)} of ${bytes(compression.plainBytesReceived)}`],
    ['Messages out, compressed', compression.messagesSent],
    ['Their bytes, of how many', `${bytes(compression.compressedBytesSent)} of ${bytes(compression.plainBytesSent)}`],
    ['Compressed once for many', compression.sharedDeflates],
    ['Not shorter, sent as they are', compression.messagesNotShorter],
  ]);
}

// The server's rates are averages; the line shows each second as it was.
function paintSpark(sent, now) {
  if (before && sent >= before.sent) {
    spark.push((sent - before.sent) / ((now - before.now) / 1_000));
    spark.splice(0, spark.length - sparkPoints);
  }
  before = { sent, now };
  const most = Math.max(1, ...spark);
  const points = spark.map((value, i) => `${((sparkPoints - spark.length + i) * 600 / (sparkPoints - 1)).toFixed(1)},${(76 - value / most * 72).toFixed(1)}`);
  byId('spark-line').setAttribute('points', points.join(' '));
  setText(byId('spark-max'), whole(Math.round(most)));
}

/** Keeps the rows that are there, so that a reader's place, and what is selected, stay. */
function table(body, items, nameOf, cellsOf) {
  items.forEach((item, index) => {
    const cells = [nameOf(item, index), ...cellsOf(item)];
    let row = body.rows[index];
    if (!row) {
      row = body.insertRow();
      const head = make('th');
      head.scope = 'row';
      row.append(head, ...cells.slice(1).map(() => make('td')));
      row.lastElementChild.classList.toggle('epoch', body.id === 'rooms');
    }
    cells.forEach((text, i) => setText(row.cells[i], text));
  });
  while (body.rows.length > items.length) {
    body.deleteRow(-1);
  }
}

function list(element, entries, otherwise = '') {
  const rows = entries.length > 0 ? entries : [[otherwise, '']];
  while (element.children.length > rows.length * 2) {
    element.lastElementChild.remove();
  }
  rows.forEach(([name, count], i) => {
    if (!element.children[i * 2]) {
      element.append(make('dt'), make('dd'));
    }
    setText(element.children[i * 2], name);
    const value = element.children[i * 2 + 1];
    setText(value, typeof count === 'string' ? count : whole(count));
    value.classList.toggle('some', element.id === 'drops' && count > 0);
  });
}

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : prefersDark.matches);
const nameTheme = () => byId('theme').setAttribute('aria-label', `Change to the ${isDark() ? 'light' : 'dark'} theme`);
byId('theme').addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  try {
    localStorage.setItem('theme', root.dataset.theme);
  } catch {
    // A browser that keeps nothing follows the system's theme next time.
  }
  nameTheme();
});
prefersDark.addEventListener('change', nameTheme);
nameTheme();
ask();
