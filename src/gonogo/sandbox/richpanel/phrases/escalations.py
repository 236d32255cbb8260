"""The phrases of the escalations.

They lean towards recall: an escalation that goes to a person by mistake costs a minute, a missed one a lawsuit.
"""

from gonogo.sandbox.richpanel.phrases.notation import read_named, read_phrases

WORDS = read_named(r"""
bank = (?:bank\w*|card (?:company|issuer|provider)|credit card(?: company)?|credit union|paypal|amex|
     american express|visa|mastercard|klarna|issuer)
cred = (?:cards?|credit|debit|identity|wallet|bank\w*|accounts?|details|info\w*|data|personal|paypal|e-?mail)
person = (?:whoever|the (?:\w+ )?who\b|you|u|ya|y'all|yourself|yourselves|your (?:staff|team|agents?|reps?|family|kids|
     office|warehouse|building|employees?|faces?|skulls?|teeth|legs|neck|head|people|driver|manager|boss)|someone there|
     everyone (?:there|who)|him|her|all of you)
insult = (?:idiots?|morons?|stupid\w*|bitch\w*|ass ?holes?|a\*+holes?|bastards?|cunts?|pigs?|scum\w*|worthless|
     retard\w*|imbeciles?|dumb\w*|sluts?|whores?|losers?|pathetic|vermin|cockroach\w*|dipshits?|jackass\w*|pricks?|
     twats?|wankers?|tossers?|dickheads?|useless (?:piece|pieces|people|idiots?|cow|lot|clowns?)|pieces? of (?:shit|
     crap|garbage|trash|s\*+t|filth|dirt)|disgusting (?:people|person|human\w*|creatures?))
""")

CHARGEBACK = read_phrases(r"""
1    \bcharge ?-?backs?\b
1    \bdisput(?:e|es|ed|ing)<g>(?:charges?|transactions?|payments?|amounts?|purchases?|orders?|<bank>)\b
1    \b(?:charges?|transactions?|payments?|purchase)<g>(?:disputed|in dispute|under dispute)\b
1    \b<bank><s>(?:disputes?|claims?|cases?|complaints?)\b
1    \b(?:dispute|claim|case|complaint)<g>(?:with|through|via|at|to|by)<s><bank>\b
1    \b(?:open|file|rais|start|initiat|submit|lodg|put|creat|escalat)\w*<g>disputes?\b
1    \b(?:payment|transaction|billing|formal|card) disputes?\b|\bdisputes? (?:form|department|team|case|process)\b
1    \b<bank><g>(?:revers\w+|claw\w*|recall\w*|recover\w*|disput\w+|pull\w* (?:it|the|my)|stop(?:ped|ping)? (?:the |
     this )?payment)\b
1    \b<bank><g>(?:take|get|getting|taking) (?:it|the money|my money|the funds|my funds) back\b
1    \b(?:revers\w+|claw\w* back|recall\w*|block\w*|stop\w*)<g>(?:charges?|payments?|transactions?)<g><bank>\b
1    \b(?:reverse|reversing|claw back|clawing back) (?:the|this|that|these|those|your|my) (?:charges?|payments?|
     transactions?)\b
1    \b(?:call|contact|phone|ring|tell|ask|notify|speak\w* (?:to|with)|talk\w* (?:to|with)|go\w* (?:to|through)|
     involve|get)\w*<s>my<s><bank><g>(?:money back|refund|charges?|payment|revers\w+|claim|involved|back|instead|
     investigat\w+)\b
1    \b(?:going|go|went|take|taking) (?:this |it |straight |back )*(?:to|up with|through) my <bank>\b
1    \bsection 75\b|\bfriends and family claim\b
1    \b(?:i|we)(?:'ll| will|'m going to| am going to| have|'ve)?(?: already)? disput(?:e|ed|ing) (?:it|this|that|
     the|them)\b
1    \b(?:just|already|have|'ve|i|has been|officially) disputed\b
1    \b<bank><g>(?:opened|filed|started|raised|launched|initiated)<g>(?:case|claim|dispute|investigation)\b
1    \b(?:via|through|by|with|the|a) disputes?\b
1    \bmy <bank><s>(?:taking|pulling|getting|clawing)<g>back\b
1    \b(?:pull\w*|claw\w*) (?:the|my|our) (?:money|funds|payment) back\b
""")

LEGAL = read_phrases(r"""
1    \b(?:lawyer|attorney|solicitor|barrister|law firm|legal counsel|legal aid|paralegal)s?\b
1    \blegal (?:action|actions|proceedings?|claim|recourse|steps?|remed\w+|notice|route|department|case|advice|
     adviser|advisor|team|rights?|representati\w+|consequences|letter|threat|demand|matter|measures|help|avenues?|
     options|trouble)\b
1    \b(?:take|taking|pursue|pursuing|seek|seeking|go|going)<s>legal\b
1    \b(?:will|to|gonna|'ll|can|could|might|may|shall|would|just|consider|considering|i|we) sue\b|
     \bsue (?:you|your|u|the company|this company|them|over|for|everyone|y'all)\b|\bsuing\b
1    \blawsuits?\b|\blitigat\w+|\bclass[ -]action\b|\bsmall[ -]claims?\b|
     \bcourt (?:action|papers|order|date|case|claim|summons|proceedings)\b
1    \b(?:take|see|drag|bring|meet|haul|taking|seeing|dragging|taken|face)<g>(?:to|in|into|before)(?: the|
     [ ]a)? court\b|\bin court\b|\bto court\b|\bbefore a judge\b
1    \bcease and desist\b|\bconsumer (?:protection|rights|affairs|court|forum|law|laws|ombudsman|commission|council|
     act|agency)\b
1    \btrading standards\b|\bbetter business bureau\b|\bbbb\b|\bombudsman\b|\bftc\b|\bfederal trade\b|
     \bfair trading\b|\baccc\b|\bcfpb\b
1    \bdata protection (?:authority|commissioner|office)\b|\b(?:gdpr|ccpa) (?:complaint|violation|breach)\b|
     \bregulators?\b|\bsmall claim\b
1    \breport(?:ing|ed)? (?:you|this|your company|the company|it)<s>to (?:the )?(?:authorit\w+|police|state|
     government|regulator\w*|bureau)\b
1    \bpress(?:ing)? charges\b|\bstatutory rights\b|\bletter before (?:action|claim)\b|
     \bbreach of (?:contract|warranty)\b|\bsubpoena\w*|\bdemand letter\b|\bformal notice\b|\bliable\b|\bliability\b
1    \billegal(?:ly)?\b<g>(?:you|your|company|practice|business|charg\w+|this)|\b(?:this|that|what you(?:'re|
     [ ]are) doing) is illegal\b|\bagainst the law\b
1    \bsee you in court\b|\bhear from my (?:legal|law|counsel|attorney)\w*
1    \bserved? (?:with )?(?:you |legal )?(?:papers|notice)\b|\bserving you\b
1    \b(?:file|filing|filed|bring|bringing) (?:a )?(?:suit|case|claim|complaint)<s>against (?:you|your|the company|
     u)\b|\blawyer(?:ing|ed)? up\b
1    \bsued\b|\b(?:the|through|to|in|via) courts?\b
""")

FRAUD = read_phrases(r"""
1    \b<cred><s>(?:was|were|been|got) used\b<x>\b(?:not me|wasn't me|wasn't by me|not by me)\b
1    \b(?:stranger|somebody|someone|hacker|thief)(?: else)?<s>(?:logged in|signed in|got in|broke in)\b
1    \b(?:i|we)(?:'ve| have)? never (?:placed|made)(?: an?| the| this| that| any)? (?:order|purchase)s?\b
1    \bunauthorized<s>(?:\w+ )?(?:charge|transaction|purchase|payment|order|use|access|account|activity|person|user|
     withdrawal|login|debit|buy\w*)s?\b
1    \b(?:charge|transaction|purchase|payment|order)s?<g>(?:unauthorized|not authorized|wasn't authorized|not me|
     wasn't me|not made by me|not mine)\b
1    \b(?:didn't|did not|never|don't remember|do not remember|don't recall|haven't|have not|wasn't me who|
     not)<s>(?:authoriz\w+|approv\w+|make|made|making|place|placed|placing|consent\w*)<s>(?:to )?(?:this|that|these|
     those|any|the|an?|such|it)\b(?:<s>(?:orders?|purchases?|transactions?|charges?|payments?))
1    \b(?:orders?|purchases?|transactions?|charges?|payments?)<g>(?:i|we) (?:didn't|did not|never|don't remember|
     haven't|have not)<s>(?:authoriz\w+|approv\w+|make|made|place|placed|making|placing)\b
1    \bstolen<s><cred>\b|\bstole<g><cred>\b|\b<cred><s>(?:was|were|got|has been|have been|been|is|are|may have been|
     might have been)?(?: \w+)? ?\b(?:stolen|hacked|compromised|cloned|skimmed|hijacked|breached|taken over)\b
1    \b<cred><s>(?:used|being used|was used|were used)<g>(?:without|by someone|by somebody|fraud\w*|not me)\b
1    \b(?:someone|somebody|some one|stranger|another person|a person|thief|hacker|my ex|unknown person|they|
     else)(?: else)?<g>(?:used|using|hacked|accessed|opened|logged|got into|charged|created|made|placed|ordered|
     bought|purchased|broke into)<g>(?:my|our|in my|under my|with my|on my)<s>(?:<cred>|name|number|login|profile|
     behalf)\b
1    \bhack(?:ed|er|ers|ing)\b|\bphish\w*|\bidentity theft\b|\bid theft\b|\bfraud\w*|\bscamm\w*|\bscams?\b|
     \bimpersonat\w*|\bspoof\w*|\bcon artists?\b
1    \bfake<s>(?:websites?|sites?|stores?|shops?|accounts?|e-?mails?|orders?|charges?|profiles?|pages?|texts?|ads?|
     invoices?)\b
1    \bsuspicious<s>(?:activity|orders?|e-?mails?|charges?|transactions?|logins?|texts?|messages?|calls?|links?|
     purchases?|account)\b
1    \bconfirmation<x>(?:didn't|did not|never|haven't)<s>(?:place|placed|make|made|ordered?|bought|buy)\b
1    \b(?:never|haven't|have not)<s>(?:ordered|bought|purchased|shopped|done business)<g>(?:from you|with you|here|
     your (?:site|store|company|website|shop))\b
1    \b(?:without|not) my (?:permission|consent|authorization|knowledge|approval)\b<x>\b(?:card|account|order|
     purchase|bank)\b
1    \b(?:card|account|order|purchase|bank)\b<x>\bwithout my (?:permission|consent|authorization|knowledge|
     approval)\b
1    \b(?:placed|made|used|using|charged|bought|ordered)<g>(?:my|our)<s>(?:card|account|name|paypal|details|
     identity)\b<x>\b(?:wasn't me|not me|was not me|isn't me|without|never|didn't|no idea)\b
1    \b(?:charge|transaction|purchase|payment|order)s?<w>(?:i|we) (?:didn't|did not|never|don't remember|haven't|
     have not|do not remember)<s>(?:authoriz\w+|approv\w+|make|made|place|placed|making|placing)\b
1    \b(?:someone|somebody|stranger)<g>(?:got hold of|got into|took over|logged into|accessed|changed|is using|
     has been using)<s>(?:my|our)\b
1    \bin my name\b<x>\b(?:never|not|n't|nothing|no idea|without)\b|\b(?:never|not|didn't|don't)\b<x>\bin my name\b
1    \b(?:someone|somebody|stranger|another person|thief|unknown person)<g>(?:ordering|buying|shopping|spending|
     purchasing|placing|making|charging|paying)<g>(?:my|our)<s>(?:<cred>|name|number|login|profile)\b
""")

HARASSMENT = read_phrases(r"""
1    \b(?:i|we)(?:'ll| will|'m going to| am going to) (?:find|hunt down|track down) (?:him|her|them|you all)\b
1    \b(?:somebody|someone|people|you|they)<s>(?:going to|gonna|will) (?:get|be) hurt\b
1    \bcome to your (?:shop|office|warehouse|store|house|place)\b<x>\b(?:you'll|you will|we'll|we will) see\b
1    \byour<s>(?:shop|office|warehouse|store|building|house)\b<x>\b(?:burns|burn down|burn it|in flames|on fire)\b
1    \b(?:shame|pity) if (?:something|anything) happened to (?:you|your)\b
1    \b(?:will|'ll|gonna|going to|want to|wanna|hope|should|could|swear)<g>(?:kill|hurt|harm|murder|shoot|stab|beat|
     burn|bomb|attack|punch|slap|strangle|hunt|smash|choke|break|destroy|ruin)<s><person>
1    \b(?:will|'ll|gonna|going to|want to|wanna|swear)<s>(?:kill|hurt|harm|murder|shoot|stab|beat|attack|punch|
     strangle|hunt)<s>(?:them|him|her|whoever|somebody|someone|everyone|everybody|all of|one of|every one)\b
1    \b(?:will|'ll|gonna|going to|can)<s>find (?:you|where you|out where you|your (?:house|home|family|address))\b
1    \bknow(?:s)? where (?:you|your|u|y'all)<s>(?:live|work|sleep|lives|works|famil\w+|kids?|office|house|
     children)\b
1    \bwatch your back\b|\bdeath threats?\b|\byou(?:'re| are)(?: all)? (?:dead|gonna die|going to die)\b|
     \bhope you(?: all)?<s>(?:die|burn|rot|suffer|choke|get (?:cancer|hit|hurt))\b
1    \bkill yoursel(?:f|ves)\b|\bkys\b|\bburn (?:your|the) (?:\w+ )?(?:office|warehouse|building|store|place|
     house)\b|\b(?:burn|blow)(?:ing)? (?:it|your \w+|the \w+|the place)? ?(?:down|up)\b|\bshoot up\b|\bbomb\b|
     \bput a bullet\b
1    \b(?:come|coming|show up|showing up|drive|driving)<g>(?:your|there|the)<s>(?:office|warehouse|store|house|home|
     place|headquarters)<g>(?:hurt|beat|bat|gun|knife|make you|regret|sorry|teach|burn|smash|fight|violence)\b
1    \byou(?:'ll| will| are going to|'re going to| gonna)<s>(?:all )?(?:regret|be sorry|pay dearly|pay for (?:this|
     it)|suffer)\b
1    \b(?:fuck|f\*+k|f\*+|fck|fuk|fk|screw) (?:you|u|off|yourself|yourselves|all of you|every one of you|y'all|
     your (?:company|team|mother))\b|\bfu+ck+ (?:you|u)\b|\bstfu\b
1    \b(?:you|u|you're|ur|your (?:staff|team|agents?|reps?|employees?|people|company)|agents?|
     reps?)(?: \w+){0,4}? <insult>\b
1    \b(?:bunch|pack|group|team|load|lot) of (?:\w+ )?<insult>\b|\b<insult> (?:like you|as you|that you are|
     you are)\b
1    \bgo to hell\b|\brot in hell\b|\bdrop dead\b|\beat shit\b|\bson of a bitch\b|\bsuck my\b|\bpiss off\b|
     \bshut (?:the \w+ )?up\b
1    \bharass\w*|\bstalk(?:ed|er|ing)\b|\bverbal(?:ly)? abus\w+|\babusive\b|\bracist\w*|\bracial slurs?\b|
     \bsexist\b|\bsexually\b|\bassault\w*
1    \bthreaten\w*<s>(?:me|us|you|your|him|her|them|staff|driver|violence|my|physical\w*)\b|
     \bphysical (?:violence|harm|threats?)\b|\bviolent\b|\bviolence\b
1    \bhope (?:your|you|the|this)<g>(?:burns?|dies?|die|rots?|rot|burn)\b
1    \bcoming (?:for|after) (?:you|your|u|all of you)\b|\bbetter watch (?:out|it|yourself|yourselves)\b|
     \b<insult><s>(?:all of you|every one of you|the lot of you|you all|the whole lot)\b
""")
