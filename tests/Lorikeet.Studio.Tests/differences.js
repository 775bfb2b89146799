// What looks otherwise, element by element, when the component library's whole stylesheet takes the place of the part
// that the studio has.
whole => {
  const link = document.querySelector('link[href$="/mudblazor.css"]');
  const part = link.sheet; // a link that is disabled would be fetched again
  const still = document.head.appendChild(document.createElement('style'));
  still.textContent = '*, ::before, ::after { transition: none !important; animation: none !important }';
  const looksOf = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    return [...style].map(name => [name, style.getPropertyValue(name)]);
  };
  // Of elements that are alike in three generations one speaks for all: a page of fields has thousands.
  const kindOf = element => [element, element?.parentElement, element?.parentElement?.parentElement]
    .map(one => `${one?.tagName} ${one?.getAttribute('class')}`).join(' < ');
  const elements = [...new Map([...document.querySelectorAll('body, body *')].map(e => [kindOf(e), e])).values()];
  const parts = [null, '::before', '::after'];
  const looks = () => elements.map(element => [element, parts.map(pseudo => looksOf(element, pseudo))]);
  const moves = () => {
    still.disabled = true;
    const names = elements.map(element => parts.map(pseudo => getComputedStyle(element, pseudo).animationName).join());
    still.disabled = false;
    return names;
  };

  const [moved, before] = [moves(), looks()];
  const sheet = document.createElement('style');
  sheet.textContent = whole;
  link.after(sheet);
  part.disabled = true;
  const found = [];
  looks().forEach(([element, styles], i) => styles.forEach((style, p) => style.forEach(([name, value], n) => {
    const was = before[i][1][p][n]?.[1];
    if (value !== was)
      found.push(`${element.getAttribute('class') ?? element.tagName}: ${name} is ${was}, ${value}`);
  })));
  moves().forEach((names, i) => {
    if (names !== moved[i])
      found.push(`${elements[i].getAttribute('class')}: animations are ${moved[i]}, ${names}`);
  });
  part.disabled = false;
  sheet.remove();
  document.body.offsetHeight; // all is as it was before anything may move again
  still.remove();
  return found.slice(0, 10);
}
