// The consumer's page works without this. With it, a button checks the proof on the phone: the verifier is loaded only when asked for.
const button = document.querySelector("#check button");
if (button) {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    const script = document.createElement("script");
    script.src = button.dataset.script;
    script.onerror = () => { button.disabled = false; };
    document.body.append(script);
  });
}
