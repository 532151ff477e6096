// While a mouse button or a finger is down nothing may move: what slips away from under it is not pressed.
let down = false;
const on = (types: readonly string[], is: boolean) => {
  for (const type of types) {
    document.addEventListener(type, () => { down = is; }, true);
  }
};
const UP = ["pointerup", "pointercancel"];
on(["pointerdown"], true);
on(UP, false);

/** Does at once what may move things, or where something is being pressed, after that. */
export function afterPress(act: () => void): void {
  if (!down) {
    act();
    return;
  }
  const released = () => {
    for (const type of UP) document.removeEventListener(type, released, true);
    setTimeout(act); // the click comes first
  };
  for (const type of UP) document.addEventListener(type, released, true);
}
