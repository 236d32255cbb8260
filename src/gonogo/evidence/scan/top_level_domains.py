"""The endings that make a name with an @ before it an address: country codes, common generic ones, reserved ones."""

from __future__ import annotations

_COUNTRIES = """
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf
cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf
gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km
kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz
na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg
sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va
vc ve vg vi vn vu wf ws ye yt za zm zw
"""
_GENERIC = """
academy accountant accountants actor adult aero agency airforce amsterdam apartments app army art arpa asia
associates attorney auction audio auto band bank bar barcelona bargains bayern beauty beer berlin best bet bid bike
bingo bio biz black blog blue boats bond boo boutique broker brussels build builders business buzz cab cafe cam
camera camp capital car cards care career careers cars casa cash casino cat catering center ceo charity chat cheap
church city claims cleaning clinic clothing cloud club coach codes coffee college cologne com community company
computer condos construction consulting contact contractors cooking cool coop corp country coupons courses credit
creditcard cricket cruises cyou dad dance date dating day deals degree delivery democrat dental dentist design dev
diamonds diet digital direct directory discount doctor dog domains download earth eco edu education email energy
engineer engineering enterprises equipment esq estate events exchange expert exposed express fail faith family fan
fans farm fashion fast film finance financial fish fishing fit fitness flights florist flowers fm foo football forex
forsale foundation frl fun fund furniture futbol fyi gallery game games garden gay gdn gift gifts gives glass global
gmbh gold golf google gov graphics gratis green gripe grocery group guide guitars guru hair hamburg haus health
healthcare help hiphop hiv hockey holdings holiday home homes horse hospital host hosting hot house how icu immo
immobilien inc industries info ing ink institute insure int international invest investments irish jewelry jobs
kaufen kim kitchen kiwi koeln krd land law lawyer lease legal lgbt life lighting limited limo link live living llc
loan loans lol london lotto love ltd ltda luxe luxury madrid maison makeup management market marketing markets mba
media melbourne memorial men menu miami mil mobi moda moe moi mom money monster mortgage motorcycles mov movie
museum music name navy net network new news ngo ninja now nrw nyc observer one ong online ooo organic org osaka page
paris partners parts party pet pharmacy phd photo photography photos physio pics pictures pink pizza place plumbing
plus poker porn press pro prod productions prof promo properties property protection pub qpon quebec quest racing
radio realestate realtor realty recipes red rehab reise reisen rent rentals repair report republican rest restaurant
review reviews rich rip rocks rodeo rsvp ruhr run ryukyu saarland sale salon sarl school schule science security
select services sex sexy shiksha shoes shop shopping show singles site ski skin soccer social software solar
solutions soy spa space sport spot srl storage store stream studio study style sucks supplies supply support surf
surgery sydney systems tattoo tax taxi team tech technology tel tennis theater theatre tickets tienda tips tires
today tokyo tools top tours town toys trade trading training travel trust tube university uno vacations vegas
ventures vet viajes video villas vin vip vision vodka vote voting voyage wales wang watch watches weather webcam
website wedding wien wiki win wine work works world wtf xin xxx xyz yachts yoga yokohama you zip zone zuerich
"""
# RFC 2606, RFC 6762 and what private networks use.
_RESERVED = "example test invalid local localhost localdomain internal intranet lan corp home onion"

TOP_LEVEL_DOMAINS = frozenset(f"{_COUNTRIES} {_GENERIC} {_RESERVED}".split())
