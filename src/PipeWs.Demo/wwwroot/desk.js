// The trader's side: order ticket, portfolio and positions.

import { amount, direction, make, money, percent, quantity, setText, signed } from './format.js';

const byId = id => document.getElementById(id);

/** The order ticket. */
export class Ticket {
  #desk;
  #form = byId('ticket');
  #quantity = byId('quantity');
  #price = byId('price');
  #market = null;
  #cash = 0;
  #onTrade;

  constructor(desk, onTrade) {
    this.#desk = desk;
    this.#onTrade = onTrade;
    this.#form.addEventListener('submit', event => this.#submit(event));
    this.#form.addEventListener('input', event => {
      if (event.target.name === 'type') {
        this.#suggestPrice();
      }
      this.#changed();
    });
    for (const button of this.#form.querySelectorAll('[data-part]')) {
      button.addEventListener('click', () => this.#take(Number(button.dataset.part)));
    }
  }

  set cash(value) {
    this.#cash = Number(value);
  }

  select(market) {
    this.#market = market;
    setText(byId('ticket-symbol'), market.symbol);
    setText(byId('quantity-unit'), market.base);
    setText(byId('price-unit'), market.quote);
    this.#price.value = '';
    this.#suggestPrice();
    this.#changed();
  }

  /** Paints what depends on the market: called a few times a second. */
  paint() {
    const ticker = this.#market?.ticker;
    if (!ticker) {
      return;
    }
    setText(byId('buy-at'), money(ticker.bestAsk));
    setText(byId('sell-at'), money(ticker.bestBid));
    const price = this.#isLimit && Number(this.#price.value) > 0 ? Number(this.#price.value) : Number(ticker.bestAsk);
    const cost = Number(this.#quantity.value) * price;
    setText(byId('estimate'), Number.isFinite(cost) && cost > 0 ? `About ${money(cost)} of ${money(this.#cash)} ${this.#market.quote} cash` : 'Give a quantity');
  }

  get #isLimit() {
    return this.#form.elements.type.value === 'limit';
  }

  // Only where the kind of order or the market changes: a price that somebody has just deleted is being typed anew.
  #suggestPrice() {
    if (this.#isLimit && this.#price.value === '' && this.#market?.ticker) {
      this.#price.value = Number(this.#market.ticker.bestAsk).toFixed(2);
    }
  }

  #changed() {
    byId('price-field').hidden = !this.#isLimit;
    this.paint();
  }

  #take(part) {
    const ask = Number(this.#market?.ticker?.bestAsk);
    if (ask > 0) {
      this.#quantity.value = (Math.floor((this.#cash * part / ask) * 1e5) / 1e5).toString();
      this.#changed();
    }
  }

  async #submit(event) {
    event.preventDefault();
    const result = byId('ticket-result');
    const market = this.#market;
    if (!market) {
      result.dataset.kind = 'error';
      result.textContent = 'The desk has not said yet what it trades.';
      return;
    }
    const side = event.submitter?.value ?? 'buy';
    const order = { symbol: market.symbol, side, type: this.#isLimit ? 'limit' : 'market', quantity: this.#quantity.value.trim() };
    if (this.#isLimit) {
      order.price = this.#price.value.trim();
    }
    await whileDisabled([...this.#form.querySelectorAll('.sides button')], async () => {
      try {
        const { data } = await this.#desk.ask('manual_trade', order);
        result.dataset.kind = 'done';
        const part = data.status === 'filled' ? '' : ` of ${quantity(data.quantity)}`;
        result.textContent = `${data.side === 'buy' ? 'Bought' : 'Sold'} ${quantity(data.filledQuantity)}${part} ${market.base} at ${money(data.averagePrice)}`;
        this.#onTrade(data);
      } catch (error) {
        result.dataset.kind = 'error';
        result.textContent = error.message;
      }
    });
  }
}

/** The portfolio's figures and positions. */
export class Portfolio {
  data = null;
  #desk;
  #rows = new Map();
  #body = byId('positions');
  #result = byId('position-result');
  #onTrade;

  constructor(desk, onTrade) {
    this.#desk = desk;
    this.#onTrade = onTrade;
  }

  take(data) {
    this.data = data;
    const held = new Set(data.positions.map(position => position.symbol));
    for (const [symbol, row] of this.#rows) {
      if (!held.has(symbol)) {
        row.element.remove();
        this.#rows.delete(symbol);
      }
    }
    for (const position of data.positions) {
      let row = this.#rows.get(position.symbol);
      if (!row) {
        row = this.#makeRow(position.symbol);
        this.#rows.set(position.symbol, row);
        this.#body.append(row.element);
      }
      row.position = position;
      fill(row.stopLoss, position.stopLoss);
      fill(row.takeProfit, position.takeProfit);
    }
    byId('no-positions').hidden = held.size > 0;
  }

  /** Paints everything at the markets' prices as they are now, between the desk's own updates. */
  paint(markets) {
    if (!this.data) {
      return;
    }
    let held = 0;
    for (const row of this.#rows.values()) {
      const { position } = row;
      const price = Number(markets.get(position.symbol)?.price ?? position.price);
      const value = Number(position.quantity) * price;
      const earned = Number(position.unrealizedPnl) + value - Number(position.value);
      const cost = Number(position.value) - Number(position.unrealizedPnl);
      held += value;
      setText(row.quantity, quantity(position.quantity));
      setText(row.average, money(position.averagePrice));
      setText(row.value, money(value));
      setText(row.pnl, `${signed(earned)} (${percent(cost === 0 ? 0 : (earned / cost) * 100)})`);
      row.pnl.className = direction(earned.toFixed(2));
    }
    const value = Number(this.data.cash) + held;
    const pnl = value - Number(this.data.startingCash);
    setText(byId('value'), money(value));
    setText(byId('cash'), money(this.data.cash));
    setText(byId('pnl'), `${signed(pnl)} (${percent((pnl / Number(this.data.startingCash)) * 100)})`);
    byId('pnl').className = direction(pnl.toFixed(2));
    setText(byId('realized'), signed(this.data.realizedPnl));
    byId('realized').className = direction(this.data.realizedPnl);
  }

  /** The chart's lines for a symbol. */
  marks(symbol) {
    const position = this.#rows.get(symbol)?.position;
    if (!position) {
      return [];
    }
    const marks = [{ price: Number(position.averagePrice), text: `Bought at ${money(position.averagePrice)}`, colour: 'accent' }];
    if (position.stopLoss !== undefined) {
      marks.push({ price: Number(position.stopLoss), text: `Stop-loss ${money(position.stopLoss)}`, colour: 'down' });
    }
    if (position.takeProfit !== undefined) {
      marks.push({ price: Number(position.takeProfit), text: `Take-profit ${money(position.takeProfit)}`, colour: 'up' });
    }
    return marks;
  }

  #makeRow(symbol) {
    const name = make('th', '', symbol);
    name.scope = 'row';
    const row = { quantity: make('td'), average: make('td'), value: make('td'), pnl: make('td') };
    row.stopLoss = field(`Stop-loss of ${symbol}`, 'position-stop-loss');
    row.takeProfit = field(`Take-profit of ${symbol}`, 'position-take-profit');
    const save = button('Set', `Set the stops of ${symbol}`, 'position-save');
    const close = button('Close', `Close the position in ${symbol}`, 'position-close');
    save.addEventListener('click', () => this.#save(row));
    close.addEventListener('click', () => this.#close(row, close));
    for (const input of [row.stopLoss, row.takeProfit]) {
      input.addEventListener('keydown', event => event.key === 'Enter' && this.#save(row));
      input.addEventListener('input', () => { input.dataset.edited = 'true'; });
    }
    row.element = make(
      'tr', '', '', name, row.quantity, row.average, row.value, row.pnl,
      make('td', '', '', row.stopLoss), make('td', '', '', row.takeProfit), make('td', '', '', save, close));
    row.element.dataset.testid = `position-${symbol}`;
    row.pnl.dataset.testid = 'position-pnl';
    row.quantity.dataset.testid = 'position-quantity';
    return row;
  }

  async #save(row) {
    // Only what was edited: the other one may be finer than it is shown, or have changed meanwhile.
    const request = { symbol: row.position.symbol };
    for (const name of ['stopLoss', 'takeProfit']) {
      if (row[name].dataset.edited === 'true') {
        request[name] = stop(row[name].value.trim());
      }
    }
    if (Object.keys(request).length === 1) {
      this.#say('done', 'Nothing was changed.');
      return;
    }
    await this.#try('update_position', request, data => {
      delete row.stopLoss.dataset.edited;
      delete row.takeProfit.dataset.edited;
      row.position = data;
      const set = [data.stopLoss && `stop-loss ${money(data.stopLoss)}`, data.takeProfit && `take-profit ${money(data.takeProfit)}`].filter(Boolean);
      return set.length ? `${data.symbol}: ${set.join(', ')}` : `${data.symbol}: no stops`;
    });
  }

  async #close(row, button) {
    const { symbol } = row.position;
    await whileDisabled([button], () => this.#try('manual_trade', { symbol, side: 'sell', type: 'market', quantity: row.position.quantity }, data => {
      this.#onTrade(data);
      return `${symbol}: closed at ${money(data.averagePrice)}, ${signed(data.realizedPnl)}`;
    }));
  }

  async #try(action, request, say) {
    try {
      const { data } = await this.#desk.ask(action, request);
      this.#say('done', say(data));
    } catch (error) {
      this.#say('error', error.message);
    }
  }

  #say(kind, text) {
    this.#result.dataset.kind = kind;
    this.#result.textContent = text;
  }
}

// One order at a time. A button that is disabled loses the focus, and gets it back unless it went elsewhere meanwhile.
async function whileDisabled(buttons, work) {
  const focused = buttons.find(button => button === document.activeElement);
  buttons.forEach(button => { button.disabled = true; });
  try {
    await work();
  } finally {
    buttons.forEach(button => { button.disabled = false; });
    if (focused?.isConnected && document.activeElement === document.body) {
      focused.focus({ preventScroll: true });
    }
  }
}

// Commas are taken for groups of thousands only where they stand as such: 61000,5 is the desk's to refuse.
function stop(text) {
  return text === '' ? null : /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replaceAll(',', '') : text;
}

// What somebody is typing is not overwritten.
function fill(input, value) {
  if (document.activeElement !== input && input.dataset.edited !== 'true') {
    input.value = value === undefined ? '' : amount(value, 2).replaceAll(',', '');
  }
}

function field(label, testId) {
  const input = make('input');
  input.inputMode = 'decimal';
  input.autocomplete = 'off';
  input.placeholder = 'none';
  input.setAttribute('aria-label', label);
  input.dataset.testid = testId;
  return input;
}

function button(text, label, testId) {
  const element = make('button', '', text);
  element.type = 'button';
  element.setAttribute('aria-label', label);
  element.dataset.testid = testId;
  return element;
}
