from tests.web.catalogues import PAGE, WORDS
T = {
"its sale is stopped at Menzzo": ("sa vente est arrêtée chez Menzzo","jego sprzedaż jest zatrzymana w Menzzo","satışı Menzzo'da durduruldu"),
"its sale could not be checked yet": ("sa vente n'a pas encore pu être vérifiée","jego sprzedaży nie można było jeszcze sprawdzić","satışı henüz kontrol edilemedi"),
"Menzzo is asked whether these orders still stand. Nothing is printed yet: press again in some seconds.": (
 "On demande à Menzzo si ces commandes sont toujours valables. Rien n'est encore imprimé : appuyez de nouveau dans quelques secondes.",
 "Menzzo jest pytane, czy te zamówienia są nadal aktualne. Nic jeszcze nie wydrukowano: naciśnij ponownie za kilka sekund.",
 "Menzzo'ya bu siparişlerin hâlâ geçerli olup olmadığı soruluyor. Henüz hiçbir şey yazdırılmadı: birkaç saniye sonra yeniden basın."),
"This is what would be sent to Menzzo, and nothing else. Look at it, then send it.": (
 "Voici ce qui serait envoyé à Menzzo, et rien d'autre. Relisez, puis envoyez.",
 "To zostanie wysłane do Menzzo i nic więcej. Przeczytaj, a potem wyślij.",
 "Menzzo'ya gönderilecek olan budur, başka hiçbir şey değil. Okuyun, sonra gönderin."),
"The case is sent to Menzzo, once.": ("Le dossier est envoyé à Menzzo, une seule fois.","Zgłoszenie zostaje wysłane do Menzzo, jeden raz.","Kayıt Menzzo'ya bir kez gönderiliyor."),
"A case needs a type of one word, like damage, and a description.": (
 "Un dossier demande un type d'un seul mot, comme damage, et une description.",
 "Zgłoszenie wymaga typu z jednego słowa, np. damage, i opisu.",
 "Bir kayıt için damage gibi tek kelimelik bir tür ve bir açıklama gerekir."),
"Case opened at Menzzo": ("Dossier ouvert chez Menzzo","Zgłoszenie otwarte w Menzzo","Menzzo'da kayıt açıldı"),
"Printed without a sale check, because there was no answer: %(orders)s.": (
 "Imprimé sans vérification de la vente, faute de réponse : %(orders)s.",
 "Wydrukowano bez sprawdzenia sprzedaży, bo nie było odpowiedzi: %(orders)s.",
 "Yanıt gelmediği için satış kontrolü olmadan yazdırıldı: %(orders)s."),
"Not printed, because their sales could not be checked: %(orders)s.": (
 "Non imprimé, car les ventes n'ont pas pu être vérifiées : %(orders)s.",
 "Nie wydrukowano, bo nie można było sprawdzić sprzedaży: %(orders)s.",
 "Satışları kontrol edilemediği için yazdırılmadı: %(orders)s."),
"%(reason)s; it is on hold": ("%(reason)s ; elle est bloquée","%(reason)s; jest wstrzymane","%(reason)s; beklemede"),
"%(reason)s; it is marked as shipped, and nothing is reported: get the parcel back": (
 "%(reason)s ; elle est marquée comme expédiée, et rien n'est signalé : récupérez le colis",
 "%(reason)s; jest oznaczone jako wysłane i nic nie jest zgłaszane: odzyskaj paczkę",
 "%(reason)s; gönderildi olarak işaretli ve hiçbir şey bildirilmiyor: paketi geri alın"),
"Menzzo says that its sale is %(status)s, a word that is not in the settings": (
 "Menzzo dit que sa vente est %(status)s, un mot qui n'est pas dans la configuration",
 "Menzzo podaje, że jego sprzedaż ma status %(status)s, a tego słowa nie ma w ustawieniach",
 "Menzzo satışının %(status)s olduğunu söylüyor; bu kelime ayarlarda yok"),
"the support API does not know its sale": ("l'API du support ne connaît pas sa vente","API wsparcia nie zna jego sprzedaży","destek API'si satışını tanımıyor"),
"it is reported without a sale check: %(why)s": ("elle est signalée sans vérification de la vente : %(why)s","jest zgłaszane bez sprawdzenia sprzedaży: %(why)s","satış kontrolü olmadan bildiriliyor: %(why)s"),
"Menzzo says that its sale is %(status)s; %(who)s released it all the same": (
 "Menzzo dit que sa vente est %(status)s ; %(who)s l'a débloquée malgré tout",
 "Menzzo podaje, że jego sprzedaż ma status %(status)s; %(who)s mimo to je zwolnił(a)",
 "Menzzo satışının %(status)s olduğunu söylüyor; %(who)s yine de serbest bıraktı"),
"%(reason)s: do not ship it.": ("%(reason)s : ne l'expédiez pas.","%(reason)s: nie wysyłaj.","%(reason)s: göndermeyin."),
"Ask Menzzo. If it must not be shipped: close it. If it may be: release it.": (
 "Demandez à Menzzo. Si elle ne doit pas partir : clôturez-la. Si elle peut partir : débloquez-la.",
 "Zapytaj Menzzo. Jeśli nie wolno wysyłać: zamknij. Jeśli wolno: zwolnij.",
 "Menzzo'ya sorun. Gönderilmemeliyse: kapatın. Gönderilebilirse: serbest bırakın."),
"Menzzo says that its sale is %(status)s. Nobody has told the agent what that means.": (
 "Menzzo dit que sa vente est %(status)s. Personne n'a indiqué à l'agent ce que cela signifie.",
 "Menzzo podaje, że jego sprzedaż ma status %(status)s. Nikt nie określił, co to znaczy.",
 "Menzzo satışının %(status)s olduğunu söylüyor. Bunun ne anlama geldiği ayarlanmamış."),
"The support API does not know its sale.": ("L'API du support ne connaît pas sa vente.","API wsparcia nie zna jego sprzedaży.","Destek API'si satışını tanımıyor."),
"It is reported without a sale check: %(why)s.": ("Elle est signalée sans vérification de la vente : %(why)s.","Jest zgłaszane bez sprawdzenia sprzedaży: %(why)s.","Satış kontrolü olmadan bildiriliyor: %(why)s."),
"Menzzo says that its sale is %(status)s; %(who)s released it all the same.": (
 "Menzzo dit que sa vente est %(status)s ; %(who)s l'a débloquée malgré tout.",
 "Menzzo podaje, że jego sprzedaż ma status %(status)s; %(who)s mimo to je zwolnił(a).",
 "Menzzo satışının %(status)s olduğunu söylüyor; %(who)s yine de serbest bıraktı."),
"Reported without a sale check": ("Signalée sans vérification de la vente","Zgłoszono bez sprawdzenia sprzedaży","Satış kontrolü olmadan bildirildi"),
"After-sales case": ("Dossier SAV","Zgłoszenie posprzedażowe","Satış sonrası kaydı"),
"Send it to Menzzo": ("Envoyer à Menzzo","Wyślij do Menzzo","Menzzo'ya gönder"),
"Type": ("Type","Typ","Tür"),
"What is wrong (no names)": ("Ce qui ne va pas (sans nom)","Co jest nie tak (bez nazwisk)","Sorun nedir (isim yazmayın)"),
"Open a case at Menzzo: preview": ("Ouvrir un dossier chez Menzzo : aperçu","Otwórz zgłoszenie w Menzzo: podgląd","Menzzo'da kayıt aç: önizleme"),
"sale check": ("vérification de la vente","sprawdzenie sprzedaży","satış kontrolü"),
"product": ("article","produkt","ürün"),
"after-sales": ("SAV","obsługa posprzedażowa","satış sonrası"),
"case": ("dossier SAV","zgłoszenie","kayıt"),
"the support API": ("l'API du support","API wsparcia","destek API'si"),
}
for number, language in enumerate(("fr", "pl", "tr")):
    for catalogue in (PAGE, WORDS):
        left = catalogue.write(language, {text: each[number] for text, each in T.items()})
        print(language, catalogue.domain, left[:5])
