// Adds a Copy button to the page with the verification code, which can be read and selected without it.
const code = document.getElementById("verification-code");
const button = document.getElementById("copy");
const said = document.getElementById("copied");

async function copy() {
  code.select();
  try {
    // Absent where the page came over plain HTTP from another computer.
    await navigator.clipboard.writeText(code.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

code.addEventListener("focus", () => code.select());
button.addEventListener("click", async () => {
  said.textContent = "";
  said.textContent = (await copy()) ? "Copied." : "Press Ctrl+C to copy.";
});
button.hidden = false;
