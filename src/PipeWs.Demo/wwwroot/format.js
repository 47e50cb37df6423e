// Numbers and times for people. The desk's decimals are strings; they become numbers here, for the eye only.

const groups = new Map();

function formatter(decimals) {
  if (!groups.has(decimals)) {
    groups.set(decimals, new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
  }
  return groups.get(decimals);
}

export const money = value => formatter(2).format(Number(value));

export const amount = (value, decimals = 4) => formatter(decimals).format(Number(value));

/** A quantity with as many decimals as it needs, at most eight. */
export const quantity = value => String(Number(Number(value).toFixed(8)));

// What rounds to nothing has neither sign nor direction.
const cents = value => Number(Number(value).toFixed(2)) || 0;

export const signed = value => (cents(value) > 0 ? '+' : '') + money(cents(value));

export const percent = value => {
  const rounded = cents(value);
  return (rounded > 0 ? '+' : '') + formatter(2).format(rounded) + ' %';
};

export const direction = value => (Number(value) > 0 ? 'up' : Number(value) < 0 ? 'down' : '');

export const compact = value => new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 }).format(Number(value));

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const time = milliseconds => clock.format(milliseconds);

/** Sets text only where it changed: what did not change costs the browser nothing. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Makes an element with a class, a text and children. */
export function make(name, className = '', text = '', ...children) {
  const element = document.createElement(name);
  if (className) {
    element.className = className;
  }
  if (text) {
    element.textContent = text;
  }
  element.append(...children);
  return element;
}
