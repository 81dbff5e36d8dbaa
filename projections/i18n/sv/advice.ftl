## The security overview.

strength-email-verified = Bekräftad e-postadress
strength-password-set = Lösenord
strength-two-step = Tvåstegsverifiering
strength-authenticator = Autentiseringsapp
strength-second-authenticator = En andra autentiserare
strength-recovery-codes = Återställningskoder
advice-review-activity = Det har gjorts många misslyckade försök på ditt konto. Gå igenom din aktivitet, och byt lösenord om någon kan känna till det.
advice-reset-password = Ditt lösenord stängdes av efter för många misslyckade försök. Välj ett nytt.
advice-change-password = Du har anmält aktivitet som inte var din. Välj ett nytt lösenord.
advice-verify-email = Bekräfta din e-postadress, så att vi kan nå dig och du kan komma in igen.
advice-enable-two-step = Slå på tvåstegsverifiering. Då räcker det inte med ett stulet lösenord.
advice-replace-authenticator = En av dina autentiserare kan inte användas. Ersätt den eller ta bort den.
advice-make-recovery-codes = Skapa återställningskoder och förvara dem säkert. Utan dem kan en borttappad telefon stänga dig ute.
advice-few-recovery-codes-left = Få återställningskoder är kvar. Skapa nya.
advice-add-second-authenticator = Lägg till en andra autentiserare på en annan enhet, ifall du förlorar den här.

## What a loss would mean.

if-lost-locked-out = Om du förlorade den här enheten skulle du inte komma in. Skapa återställningskoder nu.
if-lost-few-codes = Om du förlorade den här enheten skulle du bara ha några få återställningskoder kvar. Skapa nya nu.
if-lost-only-codes = Om du förlorade den här enheten skulle du bara ha dina återställningskoder kvar. Se till att du vet var de finns.
