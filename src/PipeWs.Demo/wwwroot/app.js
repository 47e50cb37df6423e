// The market desk's page. Messages change what is known; what is known is painted once a frame.

import { Chart } from './chart.js';
import { DeskConnection } from './connection.js';
import { Portfolio, Ticket } from './desk.js';
import { compact, direction, make, money, percent, quantity, setText } from './format.js';
import { Ladder, Log, Tape } from './lists.js';
import { Login } from './login.js';
import { Market } from './market.js';

const byId = id => document.getElementById(id);
const root = document.documentElement;

const user = byId('user');
user.value = remembered('user') ?? `trader-${Math.floor(1000 + Math.random() * 9000)}`;
remember('user', user.value);

const desk = new DeskConnection(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`, new Login(user.value));
const markets = new Map();
const cards = new Map();
const mine = new Set();
const portfolio = new Portfolio(desk, trade => ownTrade(trade.tradeId));
const ticket = new Ticket(desk, trade => ownTrade(trade.tradeId));
const chart = new Chart(byId('chart'));
const asks = new Ladder(byId('asks'), 12, false);
const bids = new Ladder(byId('bids'), 12, true);
const tape = new Tape(byId('trades'), 40);
const alerts = new Log(byId('alerts'), 'alert');
const notifications = new Log(byId('notifications'), 'notification');
let selected = null;

desk.addEventListener('state', ({ detail }) => {
  byId('state').dataset.state = detail.state;
  setText(byId('state-text'), detail.text);
});
desk.addEventListener('open', open);
desk.addEventListener('push', ({ detail }) => push(detail));
desk.addEventListener('roundtrip', ({ detail }) => setText(byId('rtt'), detail < 10 ? `${detail.toFixed(1)} ms` : `${Math.round(detail)} ms`));
desk.addEventListener('gap', ({ detail }) => noteGap(detail));

// After a restart of the desk every topic loses its thread at once: that is one line, not six.
let gapsToTell = [];

function noteGap(gap) {
  gapsToTell.push(gap);
  setText(byId('gaps'), String(desk.missed));
  if (gapsToTell.length > 1) {
    return;
  }
  setTimeout(() => {
    const gaps = gapsToTell;
    gapsToTell = [];
    const count = gaps.reduce((sum, { count }) => sum + Math.max(0, count), 0);
    const what = gaps.length === 1 ? gaps[0].topic : `${gaps.length} topics`;
    const reasons = [...new Set(gaps.map(({ reason }) => reason))].join(', ');
    alerts.add('note', `${count > 0 ? `${count} messages of ${what} were missed` : `${what} began anew`} (${reasons})`, Date.now());
  }, 500);
}

async function open() {
  try {
    if (markets.size === 0) {
      const { data } = await desk.ask('symbols');
      data.forEach(addMarket);
    }
    await desk.ask('subscribe_portfolio');
  } catch (error) {
    alerts.add('note', error.message, Date.now());
  }
}

function push(message) {
  const { data } = message;
  switch (message.type) {
    case 'portfolio_update':
      portfolio.take(data);
      ticket.cash = data.cash;
      break;
    case 'trade_notification': {
      const how = { manual: '', stop_loss: ' by stop-loss', take_profit: ' by take-profit' }[data.reason];
      const text = `${data.user} ${data.side === 'buy' ? 'bought' : 'sold'} ${quantity(data.quantity)} ${data.symbol.split('-')[0]} at ${money(data.price)}${how}`;
      const kind = `${data.side === 'buy' ? 'up' : 'down'}${mine.has(data.tradeId) ? ' mine' : ''}`;
      notifications.add(kind, text, data.time, data.tradeId);
      break;
    }
    case 'alert':
      if (data.tradeId !== undefined) {
        ownTrade(data.tradeId);
      }
      alerts.add(data.direction ?? (data.kind === 'take_profit' ? 'up' : 'down'), data.message, data.time);
      break;
    case 'error':
      alerts.add('note', data, Date.now());
      break;
  }
}

// Its notification may come before or after one knows that a trade is one's own.
function ownTrade(tradeId) {
  mine.add(tradeId);
  notifications.find(String(tradeId))?.classList.add('mine');
}

function addMarket(symbol) {
  const market = new Market(symbol, desk);
  markets.set(market.symbol, market);
  const figures = make('dl');
  const values = {};
  for (const name of ['High', 'Low', 'Volume']) {
    values[name] = make('dd', '', '–');
    figures.append(make('div', '', '', make('dt', '', name), values[name]));
  }
  const price = make('span', 'price', '–');
  price.dataset.testid = `price-${market.symbol}`;
  const change = make('span', 'change');
  change.dataset.testid = `change-${market.symbol}`;
  const card = make('button', 'market', '', make('span', 'lead', '', make('span', 'pair', market.symbol), make('br'), price, make('br'), change), figures);
  card.type = 'button';
  card.dataset.testid = `market-${market.symbol}`;
  card.setAttribute('aria-pressed', 'false');
  card.addEventListener('click', () => select(market));
  byId('markets').append(card);
  cards.set(market, { card, price, change, ...values });
  if (!selected) {
    select(market);
  }
  desk.ask('get_chart', { symbol: market.symbol }).then(({ data }) => market.prefill(data.points), () => {});
}

function select(market) {
  selected = market;
  for (const [other, { card }] of cards) {
    card.setAttribute('aria-pressed', String(other === market));
  }
  market.dirty.book = market.dirty.trades = true;
  ticket.select(market);
  setText(byId('chart-title'), `${market.symbol} price`);
}

function paintCard(market, now) {
  const { price, change, High, Low, Volume } = cards.get(market);
  setText(price, market.price === null ? '–' : money(market.price));
  price.className = `price ${now - market.movedAt < 350 ? market.move : ''}`;
  const { ticker } = market;
  if (ticker?.change !== undefined) {
    setText(change, `${Number(ticker.change) > 0 ? '+' : ''}${money(ticker.change)} (${percent(ticker.changePercent)})`);
    change.className = `change ${direction(ticker.change)}`;
    setText(High, money(ticker.high));
    setText(Low, money(ticker.low));
    setText(Volume, `${compact(ticker.volume)} ${market.base}`);
  }
}

function paintBook() {
  const { book } = selected;
  setText(byId('book-state'), book.synced ? selected.symbol : 'Waiting for the book');
  const best = { asks: book.best('asks', asks.count), bids: book.best('bids', bids.count) };
  const widest = Math.max(best.asks.at(-1)?.sum ?? 0, best.bids.at(-1)?.sum ?? 0) || 1;
  asks.show(best.asks, widest);
  bids.show(best.bids, widest);
  if (best.asks.length && best.bids.length) {
    const spread = best.asks[0].value - best.bids[0].value;
    setText(byId('spread'), `Spread ${spread.toFixed(2)} · middle ${money((best.asks[0].value + best.bids[0].value) / 2)}`);
  }
}

let paintedAt = 0;

function frame(now) {
  for (const market of markets.values()) {
    // The colour of a move fades a moment after the last change, dirty or not.
    if (market.dirty.price || now - market.movedAt < 600) {
      market.dirty.price = false;
      paintCard(market, now);
    }
  }
  if (selected) {
    if (selected.dirty.book) {
      selected.dirty.book = false;
      paintBook();
    }
    if (selected.dirty.trades) {
      selected.dirty.trades = false;
      tape.show(selected.trades);
    }
    chart.draw(selected, portfolio.marks(selected.symbol), now);
    if (now - paintedAt > 200) {
      paintedAt = now;
      ticket.paint();
      portfolio.paint(markets);
    }
  }
  requestAnimationFrame(frame);
}

let countedAt = performance.now();
let counted = 0;
let tradesCounted = 0;

setInterval(() => {
  const now = performance.now();
  const seconds = (now - countedAt) / 1000;
  setText(byId('mps'), String(Math.round((desk.received - counted) / seconds)));
  const trades = [...markets.values()].reduce((sum, market) => sum + market.tradeCount, 0);
  setText(byId('trades-rate'), `${Math.round((trades - tradesCounted) / seconds)} a second`);
  [countedAt, counted, tradesCounted] = [now, desk.received, trades];
}, 1_000);

setInterval(() => {
  if (selected?.price) {
    byId('chart').setAttribute('aria-label', `Price chart of ${selected.symbol}, now at ${money(selected.price)}`);
    document.title = `${money(selected.price)} ${selected.symbol} · PipeWs market desk`;
  }
}, 5_000);

byId('who').addEventListener('submit', event => {
  event.preventDefault();
  user.blur();
});
user.addEventListener('change', () => {
  if (user.reportValidity()) {
    remember('user', user.value);
    desk.moveTo(new Login(user.value));
  }
});

for (const button of document.querySelectorAll('[data-span]')) {
  button.addEventListener('click', () => {
    chart.span = Number(button.dataset.span);
    document.querySelectorAll('[data-span]').forEach(other => other.setAttribute('aria-pressed', String(other === button)));
  });
}

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : prefersDark.matches);
const nameTheme = () => byId('theme').setAttribute('aria-label', `Change to the ${isDark() ? 'light' : 'dark'} theme`);
byId('theme').addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  remember('theme', root.dataset.theme);
  nameTheme();
  chart.readTheme();
});
prefersDark.addEventListener('change', nameTheme);
nameTheme();

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing trades under a new name next time.
  }
}

desk.open();
requestAnimationFrame(frame);
